package ntfy

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// asked returns the parameters of a request with a query and headers.
func asked(query string, headers ...string) *parameters {
	r := httptest.NewRequest(http.MethodPost, "/topic", nil)
	r.URL.RawQuery = query
	for i := 0; i < len(headers); i += 2 {
		r.Header[http.CanonicalHeaderKey(headers[i])] = append(r.Header[http.CanonicalHeaderKey(headers[i])], headers[i+1])
	}
	return newParameters(r)
}

func TestParametersAreLookedUpInOrder(t *testing.T) {
	title := []string{"x-title", "title", "t"}
	for _, c := range []struct {
		name    string
		query   string
		headers []string
		want    string
	}{
		{"nothing", "", nil, ""},
		{"first alias", "", []string{"t", "c", "Title", "b", "X-Title", "a"}, "a"},
		{"any case", "", []string{"tItLe", "b"}, "b"},
		{"header before query", "x-title=q", []string{"t", "h"}, "h"},
		{"blank header", "t=q", []string{"x-title", "  "}, "q"},
		{"query order", "t=c&title=b", nil, "b"},
		{"query in any case", "TITLE=x", nil, "x"},
		{"lower case goes first", "TITLE=x&title=y&Title=z", nil, "y"},
		{"trimmed", "title=%20a%20", nil, "a"},
		{"the first of several", "title=a&title=b", nil, "a"},
		{"UTF-8", "", []string{"Title", "Grüße"}, "Grüße"},
		{"broken UTF-8", "", []string{"Title", "a\xffb"}, "a\uFFFDb"},
		{"broken UTF-8 in the query", "title=a%ffb", nil, "a\uFFFDb"},
		{"control characters", "title=a%00%07b%0Ac", nil, "ab\nc"},
		{"quoted-printable", "", []string{"Title", "=?UTF-8?Q?Gr=C3=BC=C3=9Fe?="}, "Grüße"},
		{"base64", "", []string{"Title", "=?utf-8?b?8J+Ygg==?= and more"}, "😂 and more"},
		{"Latin-1", "", []string{"Title", "=?iso-8859-1?q?caf=e9?="}, "café"},
		{"broken words", "", []string{"Title", "=?UTF-8?B?%%%?="}, "=?UTF-8?B?%%%?="},
		{"unknown set", "", []string{"Title", "=?klingon?Q?abc?="}, "=?klingon?Q?abc?="},
		{"unfinished word", "", []string{"Title", "=?UTF-8?Q?abc"}, "=?UTF-8?Q?abc"},
		{"only in headers", "title==?UTF-8?Q?a?=", nil, "=?UTF-8?Q?a?="},
	} {
		require.Equal(t, c.want, asked(c.query, c.headers...).text(title...), c.name)
	}
}

func TestGivenParametersGoFirst(t *testing.T) {
	p := asked("t=q", "X-Title", "h")
	p.give("x-title", "")
	require.Equal(t, "h", p.text("x-title", "title", "t"))
	p.give("x-title", "a\nb\x00 ")
	require.Equal(t, "a\nb", p.text("x-title", "title", "t"))
}

func TestHTTPPriorityIsNotAMessages(t *testing.T) {
	priority := []string{"x-priority", "priority", "prio", "p"}
	for _, value := range []string{"u=1", "u=1, i", "u=1,i", "u=3, 5"} {
		require.Equal(t, "", asked("", "Priority", value).text(priority...), value)
		require.Equal(t, "4", asked("p=4", "Priority", value).text(priority...), value)
		require.Equal(t, value, asked("", "X-Priority", value).text(priority...), value)
		require.Equal(t, "5", asked("", "Priority", value, "Priority", "5").text(priority...), value)
	}
	require.Equal(t, "high", asked("", "Priority", "high").text(priority...))
	require.Equal(t, "u=x", asked("", "Priority", "u=x").text(priority...))
}

func TestFlags(t *testing.T) {
	for text, want := range map[string]bool{"1": true, "yes": true, "YES": true, "True": true, "0": false, "no": false, "on": false, "false": false, "y": false} {
		require.Equal(t, want, asked("cache="+text).flag(true, "x-cache", "cache"), text)
		require.Equal(t, want, asked("", "Cache", text).flag(false, "x-cache", "cache"), text)
	}
	require.True(t, asked("").flag(true, "cache"))
	require.False(t, asked("cache=").flag(false, "cache"))
}

func TestParsePriority(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "1": 1, "min": 1, "2": 2, "low": 2, "3": 3, "default": 3, "4": 4, "HIGH": 4, "5": 5, "max": 5, " Urgent ": 5,
	} {
		got, err := parsePriority(text)
		require.NoError(t, err)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"0", "6", "-1", "05", "1.0", "highest", "u=1, i", strings.Repeat("x", 10000)} {
		_, err := parsePriority(text)
		requireRefused(t, 40007, err)
	}
	for priority, want := range map[int]int{1: 0, 2: 2, 3: 5, 4: 8, 5: 10} {
		require.Equal(t, want, toGotifyPriority(priority))
		require.Equal(t, priority, fromGotifyPriority(want))
	}
}

// requireRefused checks that err is a failure with the code, and that its text is one
// for people.
func requireRefused(t *testing.T, code int, err error) {
	t.Helper()
	require.Error(t, err)
	refused := asFailure(err)
	require.Equal(t, code, refused.code, refused.text)
	require.True(t, utf8.ValidString(refused.text))
	require.Less(t, len(refused.text), 1000)
}

func FuzzParameters(f *testing.F) {
	f.Add("title=a&T=b", "=?UTF-8?Q?a=ff?=")
	f.Add("title=%00%ff", "=?utf-8?b?//8=?=")
	f.Add("%zz;&=&title", "\x00\x1b")
	f.Fuzz(func(t *testing.T, query, header string) {
		for _, text := range []string{asked(query).text("x-title", "title", "t"), asked("", "X-Title", header).text("x-title")} {
			require.True(t, utf8.ValidString(text))
			require.False(t, strings.ContainsFunc(text, unprintable))
			require.Equal(t, strings.TrimSpace(text), text)
		}
		if values, err := url.ParseQuery(query); err == nil && strings.TrimSpace(cleanText(values.Get("title"))) != "" && !values.Has("x-title") {
			require.Equal(t, strings.TrimSpace(cleanText(values.Get("title"))), asked(query).text("title"))
		}
	})
}
