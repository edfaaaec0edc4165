package main

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAccessCommands(t *testing.T) {
	h := newHouse(t)
	empty := h.run("", "access")
	require.NoError(t, empty.err)
	require.Regexp(t, `^USER +PATTERN +PERMISSION\n$`, empty.out)
	require.NoError(t, h.run("a password\n", "user", "add", "bob").err)
	require.NoError(t, h.run("a password\n", "user", "add", "ada").err)

	for args, want := range map[string]string{
		"bob alerts-* read-write": `user "bob" to alerts-*: read-write`, "bob a rw": `user "bob" to a: read-write`,
		"ada b read-only": `user "ada" to b: read-only`, "ada c read": `user "ada" to c: read-only`, "ada d RO": `user "ada" to d: read-only`,
		"ada e write-only": `user "ada" to e: write-only`, "ada f write": `user "ada" to f: write-only`, "ada g wo": `user "ada" to g: write-only`,
		"everyone h deny": `everyone to h: deny`, "* i deny-all": `everyone to i: deny`, "everyone * none": `everyone to *: deny`,
		"bob -- -k rw": `user "bob" to -k: read-write`,
	} {
		set := h.run("", append([]string{"access", "set"}, strings.Fields(args)...)...)
		require.NoError(t, set.err, args)
		require.Equal(t, "set the access of "+want+"\n", set.out)
	}
	require.NoError(t, h.run("", "access", "set", "bob", "a", "deny").err, "in the place of the one before")
	const all = `^USER.*\nada +b +read-only\nada +c +read-only\nada +d +read-only\nada +e +write-only\nada +f +write-only\nada +g +write-only\n` +
		`bob +-k +read-write\nbob +a +deny\nbob +alerts-\* +read-write\neveryone +\* +deny\neveryone +h +deny\neveryone +i +deny\n$`
	require.Regexp(t, all, h.run("", "access", "list").out)
	require.Equal(t, h.run("", "access").out, h.run("", "access", "list").out)

	for args, want := range map[string]string{
		"set eve a rw": `user "eve": not found`, "set bob a some": `"some" is no permission`, "set bob a/b rw": "a topic pattern consists of",
		"set bob": "a user or everyone, a pattern of topics and a permission are needed", "set": "are needed", "set bob a": "are needed",
		"set bob a rw x": "unknown command", "reset bob a x": "unknown command", "list bob": "unknown command", "bob": "unknown command",
		"reset eve": `user "eve": not found`, "reset bob zzz": `user "bob" has no access rule for zzz`, "--admin list": "--admin belongs to",
	} {
		result := h.run("", append([]string{"access"}, strings.Fields(args)...)...)
		require.ErrorContains(t, result.err, want, args)
		require.Empty(t, result.out)
	}
	require.Regexp(t, all, h.run("", "access").out, "a refused command changes nothing")

	require.Equal(t, "deleted the access rule for a of user \"bob\"\n", h.run("", "access", "reset", "bob", "a").out)
	require.Equal(t, "deleted the access rules of everyone\n", h.run("", "access", "reset", "everyone").out)
	require.ErrorContains(t, h.run("", "access", "reset", "everyone").err, "everyone has no access rules")
	require.Regexp(t, `(?s)^USER.*ada +g +write-only\nbob +-k +read-write\nbob +alerts-\* +read-write\n$`, h.run("", "access").out)
	require.Equal(t, "deleted all access rules\n", h.run("", "access", "reset").out)
	require.Equal(t, empty.out, h.run("", "access").out)
	require.Equal(t, "deleted all access rules\n", h.run("", "access", "reset").out)
}

// The commands work while the server runs, which follows.
func TestAccessCommandsBesideTheServer(t *testing.T) {
	h := newHouse(t)
	p := h.start()
	address := p.out.await(t, `listening on (http://\S+)`)
	require.NoError(t, h.run("a password\n", "user", "add", "bob").err)
	request := func(method, name, password, body string) (answer string) {
		u, err := url.Parse(address + "/application")
		require.NoError(t, err)
		u.User = url.UserPassword(name, password)
		r, err := http.NewRequestWithContext(t.Context(), method, u.String(), strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/json")
		response, err := plainClient().Do(r)
		require.NoError(t, err)
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.Equal(t, 200, response.StatusCode, "%s", text)
		return string(text)
	}
	require.Contains(t, request("POST", "admin", "the first password", `{"name":"Alerts","topic":"alerts-1"}`), `"topic":"alerts-1"`)
	require.Equal(t, "[]", request("GET", "bob", "a password", ""))
	require.NoError(t, h.run("", "access", "set", "bob", "alerts-*", "read-only").err)
	require.Eventually(t, func() bool {
		return strings.Contains(request("GET", "bob", "a password", ""), `"topic":"alerts-1","shared":true,"owner":"admin","canWrite":false`)
	}, patience, 20*time.Millisecond)
	require.NoError(t, h.run("", "access", "reset", "bob").err)
	require.Eventually(t, func() bool { return request("GET", "bob", "a password", "") == "[]" }, patience, 20*time.Millisecond)
	p.end()
}
