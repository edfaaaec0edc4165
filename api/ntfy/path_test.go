package ntfy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

// found returns which route a request is for, and with which parameters.
func found(method, path string) (string, gin.Params) {
	for _, r := range topicRoutes {
		if params, ok := match(r.path, path); ok && r.method == method {
			return r.method + " " + r.path, params
		}
	}
	return "", nil
}

func TestTopicRoutes(t *testing.T) {
	longest := strings.Repeat("a", 64)
	for request, want := range map[string]string{
		"POST /t":              "/:topic t",
		"PUT /t":               "/:topic t",
		"PUT /" + longest:      "/:topic " + longest,
		"POST /t/json":         "/:topic/:sequence t json",
		"POST /t/publish":      "/:topic/:sequence t publish",
		"PUT /t/my-seq_1":      "/:topic/:sequence t my-seq_1",
		"DELETE /t/s":          "/:topic/:sequence t s",
		"GET /t/s/delete":      "/:topic/:sequence/delete t s",
		"PUT /t/s/clear":       "/:topic/:sequence/clear t s",
		"GET /t/s/clear":       "/:topic/:sequence/clear t s",
		"PUT /t/s/read":        "/:topic/:sequence/read t s",
		"GET /t/s/read":        "/:topic/:sequence/read t s",
		"GET /t/publish":       "/:topic/publish t",
		"GET /t/send":          "/:topic/send t",
		"GET /t/trigger":       "/:topic/trigger t",
		"GET /t/json":          "/:topics/json t",
		"GET /a,b,a/json":      "/:topics/json a,b,a",
		"GET /a,b/sse":         "/:topics/sse a,b",
		"GET /t/raw":           "/:topics/raw t",
		"GET /t/ws":            "/:topics/ws t",
		"GET /t/auth":          "/:topics/auth t",
		"GET /t":               "/:topic t",
		"GET /json/json":       "/:topics/json json",
		"GET /json/delete/raw": "",

		"GET /a,/json": "", "GET /,a/json": "", "GET /a,,b/json": "", "GET /,/json": "", "GET //json": "",
		"GET /t/json/": "", "GET /t/": "", "GET t/json": "", "GET ": "", "GET /": "", "GET //": "", "GET //t/json": "",
		"GET /t.x/json": "", "GET /t x/json": "", "GET /té/json": "", "GET /t/JSON": "", "GET /t/json2": "", "GET /t/s": "",
		"HEAD /t/json": "", "HEAD /t": "", "PATCH /t": "", "DELETE /t": "", "POST /t/s/clear": "", "PUT /t/s/delete": "", "POST /a,b": "",
		"GET /a,b/publish": "", "POST /t/s.x": "", "DELETE /t/a,b": "", "GET /t/s/x/clear": "",
		"PUT /" + longest + "a": "", "GET /" + longest + "a/json": "", "PUT /t/" + longest + "a": "",
	} {
		method, path, _ := strings.Cut(request, " ")
		route, params := found(method, path)
		if want == "" {
			require.Empty(t, route, request)
			continue
		}
		var got strings.Builder
		got.WriteString(strings.TrimPrefix(route, method+" "))
		for _, p := range params {
			got.WriteString(" " + p.Value)
		}
		require.Equal(t, want, got.String(), request)
	}
}

func list(n int) string {
	topics := make([]string, n)
	for i := range topics {
		topics[i] = fmt.Sprintf("t%d", i)
	}
	return strings.Join(topics, ",")
}

func TestTopics(t *testing.T) {
	f := &Face{Options: Options{Reserved: func(topic string) bool { return topic == "message" }}}
	topics, err := f.topics("b,a,b,A")
	require.NoError(t, err)
	require.Equal(t, []string{"b", "a", "A"}, topics)
	topics, err = f.topics(list(maxTopics))
	require.NoError(t, err)
	require.Len(t, topics, maxTopics)
	topics, err = f.topics(strings.Repeat("a,", 1000) + "a")
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, topics)

	for _, many := range []string{list(maxTopics + 1), list(100_000), strings.Repeat("a,", 100_000) + "a"} {
		route, _ := found("GET", "/"+many+"/json")
		require.NotEmpty(t, route)
		_, err = f.topics(many)
		requireFailure(t, 40009, err)
	}
	for _, topic := range []string{"message", "docs", "static", "file", "app", "metrics", "account", "settings", "signup", "login", "v1"} {
		_, err = f.topics("a," + topic)
		requireFailure(t, 40010, err)
		requireFailure(t, 40010, f.checkTopic(topic))
	}
	require.NoError(t, f.checkTopic("Message"))
	for _, topic := range []string{"", "a,b", "a.b", "é", strings.Repeat("a", 65)} {
		requireFailure(t, 40009, f.checkTopic(topic))
	}
}

// A path that is too long is looked at once, and nothing is made of its parts.
func TestLongPathsCostNothing(t *testing.T) {
	path := "/" + list(100_000) + "/json"
	require.Less(t, testing.AllocsPerRun(10, func() { found("GET", path) }), 10.0)
}

func FuzzPath(f *testing.F) {
	f.Add("GET", "/a,b/json")
	f.Add("PUT", "/t/seq/clear")
	f.Add("POST", "//")
	face := &Face{Options: Options{Reserved: func(string) bool { return false }}}
	f.Fuzz(func(t *testing.T, method, path string) {
		_, params := found(method, path)
		for _, p := range params {
			if p.Key != "topics" {
				require.True(t, model.IsTopic(p.Value))
				continue
			}
			topics, err := face.topics(p.Value)
			require.LessOrEqual(t, len(topics), maxTopics)
			for _, topic := range topics {
				require.True(t, model.IsTopic(topic))
			}
			require.Equal(t, err == nil, len(topics) > 0)
		}
	})
}
