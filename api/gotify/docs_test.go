package gotify

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

func loadSpec(t *testing.T, text []byte) *openapi3.T {
	t.Helper()
	spec, err := openapi3.NewLoader().LoadFromData(text)
	require.NoError(t, err)
	require.NoError(t, spec.Validate(context.Background()))
	return spec
}

// eachOperation calls f with every operation of openapi.yaml.
func eachOperation(t *testing.T, f func(method, path string, operation *openapi3.Operation)) {
	t.Helper()
	for path, item := range loadSpec(t, openapi).Paths.Map() {
		for method, operation := range item.Operations() {
			f(method, path, operation)
		}
	}
}

// ask calls a handler of docs and returns what it answered.
func ask(t *testing.T, handle func(*gin.Context) error, target string, header ...string) (*httptest.ResponseRecorder, error) {
	t.Helper()
	gin.SetMode(gin.TestMode)
	answer := httptest.NewRecorder()
	c, _ := gin.CreateTestContext(answer)
	c.Request = httptest.NewRequest("GET", target, nil)
	for i := 0; i < len(header); i += 2 {
		c.Request.Header.Set(header[i], header[i+1])
	}
	return answer, handle(c)
}

func newTestDocs(t *testing.T) *docs {
	t.Helper()
	d, err := newDocs()
	require.NoError(t, err)
	return d
}

func TestSpecIsComplete(t *testing.T) {
	spec := loadSpec(t, openapi)
	tags := map[string]bool{}
	for _, tag := range spec.Tags {
		require.NotEmpty(t, tag.Description)
		tags[tag.Name] = true
	}
	seen := map[string]bool{}
	eachOperation(t, func(method, path string, operation *openapi3.Operation) {
		at := method + " " + path
		require.Regexp(t, `^[a-z][A-Za-z]+$`, operation.OperationID, at)
		require.False(t, seen[operation.OperationID], "%s: %s is not unique", at, operation.OperationID)
		seen[operation.OperationID] = true
		require.NotEmpty(t, operation.Summary, at)
		require.Len(t, operation.Tags, 1, at)
		require.True(t, tags[operation.Tags[0]], "%s: tag %s has no description", at, operation.Tags[0])
		statuses := operation.Responses.Map()
		if operation.Security == nil || len(*operation.Security) > 0 {
			for _, status := range []string{"401", "403", "429", "503"} {
				require.Contains(t, statuses, status, at)
			}
		}
		if operation.RequestBody != nil {
			require.Contains(t, statuses, "400", at)
			require.Contains(t, statuses, "413", at)
		}
		if strings.Contains(path, "{id}") {
			require.Contains(t, statuses, "400", at)
		}
	})
}

func TestSpecDescribesErrors(t *testing.T) {
	eachOperation(t, func(method, path string, operation *openapi3.Operation) {
		for status, answer := range operation.Responses.Map() {
			at := method + " " + path + " " + status
			if status < "400" || status == "416" || method == "HEAD" || path == "/health" && status == "500" {
				continue
			}
			require.Equal(t, "#/components/schemas/Error", answer.Value.Content["application/json"].Schema.Ref, at)
			if status == "429" || status == "503" {
				require.True(t, answer.Value.Headers["Retry-After"].Value.Required, at)
			}
		}
	})
}

func TestSpecIsServedAsJSON(t *testing.T) {
	answer, err := ask(t, newTestDocs(t).spec, "/swagger")
	require.NoError(t, err)
	require.Equal(t, 200, answer.Code)
	require.Equal(t, "application/json", answer.Header().Get("Content-Type"))

	served := loadSpec(t, answer.Body.Bytes())
	require.Len(t, served.Servers, 1)
	require.Equal(t, ".", served.Servers[0].URL)
	// What is served says the same as the file: two parsers read it alike.
	file := loadSpec(t, openapi)
	served.Servers, file.Servers = nil, nil
	want, err := json.Marshal(file)
	require.NoError(t, err)
	got, err := json.Marshal(served)
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(got))
}

func TestSpecNamesTheServerThatWasAskedFor(t *testing.T) {
	d := newTestDocs(t)
	for base, want := range map[string]string{
		"push.example.com":                   "http://push.example.com",
		"push.example.com:8443/carillon/":    "http://push.example.com:8443/carillon",
		"https%3A%2F%2Fpush.example.com%2Fa": "https://push.example.com/a",
		"[::1]:8080":                         "http://[::1]:8080",
	} {
		answer, err := ask(t, d.spec, "/swagger?base="+base)
		require.NoError(t, err, base)
		require.Equal(t, want, loadSpec(t, answer.Body.Bytes()).Servers[0].URL)
	}
	for _, base := range []string{
		"javascript%3Aalert(1)", "ftp%3A%2F%2Fexample.com", "a%22b", "%2F", "user%40example.com", "%00", strings.Repeat("a", maxBaseLength+1),
	} {
		_, err := ask(t, d.spec, "/swagger?base="+base)
		require.Equal(t, model.Invalid, model.KindOf(err), base)
		require.Error(t, err, base)
	}
}

func renderedPage(t *testing.T) string {
	t.Helper()
	answer, err := ask(t, newTestDocs(t).page, "/docs")
	require.NoError(t, err)
	require.Equal(t, 200, answer.Code)
	require.Equal(t, "text/html; charset=utf-8", answer.Header().Get("Content-Type"))
	require.Contains(t, answer.Header().Get("Content-Security-Policy"), "default-src 'none'; style-src 'self';")
	return answer.Body.String()
}

func TestPageHoldsEverything(t *testing.T) {
	page := renderedPage(t)
	eachOperation(t, func(method, path string, operation *openapi3.Operation) {
		at := strings.Index(page, `id="`+operation.OperationID+`"`)
		require.Positive(t, at, operation.OperationID)
		part, _, _ := strings.Cut(page[at:], "</details>")
		for status := range operation.Responses.Map() {
			require.Contains(t, part, ">"+status+"<", operation.OperationID)
		}
		for _, parameter := range operation.Parameters {
			require.Contains(t, part, "<code>"+parameter.Value.Name+"</code>", operation.OperationID)
		}
		require.Regexp(t, `<code>(curl|websocat) `, part, operation.OperationID)
		require.Contains(t, page, `>`+method+`</span> <code class="path">`+path+`</code>`)
	})
	for name := range loadSpec(t, openapi).Components.Schemas {
		require.Contains(t, page, `id="`+name+`"`)
	}
	require.NotContains(t, page, "{base}")
	require.NotContains(t, page, "{ws}")
}

func TestPageLoadsNothingFromElsewhere(t *testing.T) {
	page := renderedPage(t)
	links := regexp.MustCompile(`(?:href|src|action)="([^"]*)"`).FindAllStringSubmatch(page, -1)
	require.NotEmpty(t, links)
	for _, link := range links {
		if place, ok := strings.CutPrefix(link[1], "#"); ok {
			require.Contains(t, page, `id="`+place+`"`)
			continue
		}
		require.Regexp(t, `^(docs/docs\.css\?v=[0-9a-f]+|swagger)$`, link[1])
	}
	require.NotRegexp(t, `(?i)<(script|style|iframe|object|embed|base)|\sstyle=|<[^>]*\son[a-z]+=`, page)

	answer, err := ask(t, newTestDocs(t).style, "/docs/docs.css")
	require.NoError(t, err)
	require.Equal(t, "text/css; charset=utf-8", answer.Header().Get("Content-Type"))
	require.Contains(t, answer.Body.String(), "prefers-color-scheme: dark")
	require.NotRegexp(t, `(?i)url\(|@import|https?:`, answer.Body.String())
}

func TestPageShowsTheCallersAddress(t *testing.T) {
	d := newTestDocs(t)
	answer, err := ask(t, d.page, "http://push.example.com:8080/docs")
	require.NoError(t, err)
	require.Contains(t, answer.Body.String(), "http://push.example.com:8080/message")
	require.Contains(t, answer.Body.String(), "ws://push.example.com:8080/stream")

	answer, err = ask(t, d.page, "http://push.example.com/docs", "X-Forwarded-Proto", "https")
	require.NoError(t, err)
	require.Contains(t, answer.Body.String(), "http://push.example.com/message", "whom to believe is the router's business")
	answer, err = ask(t, d.page, "https://push.example.com/docs")
	require.NoError(t, err)
	require.Contains(t, answer.Body.String(), "https://push.example.com/message")
	require.Contains(t, answer.Body.String(), "wss://push.example.com/stream")

	hostile := func(c *gin.Context) error {
		c.Request.Host = `a';reboot;"><b>`
		return d.page(c)
	}
	answer, err = ask(t, hostile, "/docs")
	require.NoError(t, err)
	require.NotContains(t, answer.Body.String(), "reboot")
	require.Contains(t, answer.Body.String(), "http://localhost:8080/message")
}

func TestPageRefusesABrokenDescription(t *testing.T) {
	_, err := renderPage([]byte(`{"paths": []}`), "")
	require.Error(t, err)
	_, err = renderPage([]byte(`{"paths": {"/a": {"get": {"responses": {"200": 1}}}}}`), "")
	require.ErrorContains(t, err, "200")
}

func TestProse(t *testing.T) {
	links := map[string]string{"GET /message": "getMessages"}
	require.Equal(t, []pageBlock{
		{Text: []pageSpan{{Text: "Call "}, {Kind: "code", Text: "GET /message", Link: "getMessages"}, {Text: ", "}, {Kind: "em", Text: "now"}, {Text: "."}}},
		{Items: [][]pageSpan{
			{{Text: ""}, {Kind: "strong", Text: "One"}, {Text: " thing"}},
			{{Text: "another"}},
		}},
	}, prose("Call\n`GET /message`, *now*.\n\n- **One**\n  thing\n- another\n", links))
}

func TestShellQuote(t *testing.T) {
	require.Equal(t, `'it'\''s'`, shellQuote("it's"))
}
