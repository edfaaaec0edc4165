package ntfy

import (
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/broker"
	"github.com/carillon-push/carillon/model"
)

// attach publishes a message of alice's with a file and returns the path of its
// address.
func (s *site) attach(name, content string) string {
	s.t.Helper()
	who := &model.Identity{Credential: model.Password, User: s.alice}
	file, attachment, err := s.upload(s.context(), name, strings.NewReader(content), -1, who)
	require.NoError(s.t, err)
	_, err = s.Broker.PublishTopic(s.t.Context(), who, "camera", model.Draft{
		Message: "look", Details: &model.Details{Attachment: attachment}, Upload: file,
	})
	require.NoError(s.t, err)
	path, found := strings.CutPrefix(attachment.URL, "https://push.example.com/sub")
	require.True(s.t, found)
	return path
}

func TestFile(t *testing.T) {
	s := newSite(t, Limits{}, broker.AttachmentLimits{})
	path := s.attach("cat.png", png)
	w := s.call(http.MethodGet, path, "")
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, png, w.Body.String())
	for name, want := range map[string]string{
		"Content-Type":            "image/png",
		"Content-Length":          strconv.Itoa(len(png)),
		"Content-Disposition":     `attachment; filename="cat.png"`,
		"X-Content-Type-Options":  "nosniff",
		"Content-Security-Policy": "default-src 'none'; sandbox",
		"Cache-Control":           "private",
		"Accept-Ranges":           "bytes",
	} {
		require.Equal(t, want, w.Header().Get(name), name)
	}

	head := s.call(http.MethodHead, path, "")
	require.Equal(t, http.StatusOK, head.Code)
	require.Empty(t, head.Body.String())
	require.Equal(t, w.Header(), head.Header())

	part := s.call(http.MethodGet, path, "", "Range", "bytes=1-3")
	require.Equal(t, http.StatusPartialContent, part.Code)
	require.Equal(t, "PNG", part.Body.String())
	require.Equal(t, http.StatusRequestedRangeNotSatisfiable, s.call(http.MethodGet, path, "", "Range", "bytes=1000-").Code)
	same := s.call(http.MethodGet, path, "", "If-None-Match", w.Header().Get("Etag"))
	require.Equal(t, http.StatusNotModified, same.Code)
	require.Empty(t, same.Body.String())
	require.Equal(t, http.StatusNotModified, s.call(http.MethodGet, path, "", "If-Modified-Since", w.Header().Get("Last-Modified")).Code)

	token, _, _ := strings.Cut(path, ".")
	for _, other := range []string{token, token + ".jpeg", token + ".1234567890123456"} {
		require.Equal(t, png, s.call(http.MethodGet, other, "").Body.String(), other)
	}
	for _, other := range []string{
		"/file/", "/file/x", token + ".", token + ".a.b", token + ".12345678901234567", token + "0", strings.ToLower(token), token + "/", token + ".p-g",
		"/file/..%2f..%2fetc%2fpasswd", "/file/" + strings.Repeat("x", 65), token + "%00",
	} {
		answered(t, 40401, s.call(http.MethodGet, other, ""))
	}
	answered(t, 40401, s.call(http.MethodPost, path, "x"))
	s.now = s.now.Add(3 * time.Hour)
	answered(t, 40401, s.call(http.MethodGet, path, ""))
}

func TestNothingThatIsUploadedRuns(t *testing.T) {
	s := newSite(t, Limits{}, broker.AttachmentLimits{})
	for content, want := range map[string]string{
		"<html><script>alert(1)</script></html>":                                      "text/plain; charset=utf-8",
		"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"></svg>":     "text/plain; charset=utf-8",
		"<?xml version=\"1.0\"?><a/>":                                                 "text/plain; charset=utf-8",
		"<?xml version=\"1.0\"?><html xmlns=\"http://www.w3.org/1999/xhtml\"></html>": "text/plain; charset=utf-8",
		"#!/usr/bin/env node\nalert(1)":                                               "text/plain; charset=utf-8",
		"hello":                                                                       "text/plain; charset=utf-8",
		"\x00\x01":                                                                    "application/octet-stream",
		"GIF89a\x01\x00\x01\x00":                                                      "image/gif",
	} {
		w := s.call(http.MethodGet, s.attach("a", content), "")
		require.Equal(t, content, w.Body.String())
		require.Equal(t, want, w.Header().Get("Content-Type"), content)
	}
	for stored, want := range map[string]string{
		"text/html; charset=utf-16le":   "text/plain; charset=utf-16le",
		"IMAGE/SVG+XML":                 "text/plain; charset=utf-8",
		"application/xhtml+xml":         "text/plain; charset=utf-8",
		"text/javascript":               "text/plain; charset=utf-8",
		"application/x-javascript":      "text/plain; charset=utf-8",
		"text/css":                      "text/plain; charset=utf-8",
		"multipart/related":             "text/plain; charset=utf-8",
		"message/rfc822":                "text/plain; charset=utf-8",
		"application/x-shockwave-flash": "text/plain; charset=utf-8",
		"application/vnd.openxmlformats-officedocument.wordprocessingml.document": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
		"text/csv":    "text/csv",
		"":            "application/octet-stream",
		"nonsense":    "nonsense",
		"a/b\r\nX: 1": "application/octet-stream",
	} {
		require.Equal(t, want, harmlessType(stored), stored)
	}
}

func TestDisposition(t *testing.T) {
	for name, want := range map[string]string{
		"a.txt":      `attachment; filename="a.txt"`,
		"a b;c.txt":  `attachment; filename="a b;c.txt"`,
		`a"b\c.txt`:  `attachment; filename="a_b_c.txt"; filename*=UTF-8''a%22b%5Cc.txt`,
		"100%.txt":   `attachment; filename="100_.txt"; filename*=UTF-8''100%25.txt`,
		"fünf 🔔.txt": `attachment; filename="f_nf _.txt"; filename*=UTF-8''f%C3%BCnf%20%F0%9F%94%94.txt`,
		"a\r\nX: y":  `attachment; filename="a__X: y"; filename*=UTF-8''a%0D%0AX%3A%20y`,
	} {
		require.Equal(t, want, disposition(name), name)
	}
	for _, name := range []string{"a.txt", "a b;c.txt", `a"b.txt`, "fünf 🔔.txt"} {
		// What stands in filename* is the whole name.
		_, value, _ := strings.Cut(disposition(name), "; ")
		if _, after, found := strings.Cut(value, "; "); found {
			value = after
		}
		_, params, err := mime.ParseMediaType("attachment; " + value)
		require.NoError(t, err)
		require.Equal(t, name, params["filename"])
	}
}

func TestDownloadsCountAsTraffic(t *testing.T) {
	s := newSite(t, Limits{Bandwidth: 1000}, broker.AttachmentLimits{})
	path := s.attach("a.txt", strings.Repeat("x", 600)) // counted for alice
	require.Equal(t, http.StatusOK, s.call(http.MethodHead, path, "").Code)
	require.Equal(t, http.StatusOK, s.call(http.MethodGet, path, "").Code)
	w := s.call(http.MethodGet, path, "")
	answered(t, 42905, w)
	for _, name := range []string{"Content-Disposition", "Etag", "Last-Modified", "Accept-Ranges", "Content-Security-Policy"} {
		require.Empty(t, w.Header().Get(name), name)
	}
	require.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
	// A part costs its own size, and what is not sent costs nothing.
	require.Equal(t, http.StatusPartialContent, s.call(http.MethodGet, path, "", "Range", "bytes=0-399").Code)
	answered(t, 42905, s.call(http.MethodGet, path, "", "Range", "bytes=0-0"))
	require.Equal(t, http.StatusOK, s.call(http.MethodHead, path, "").Code)
	require.Equal(t, http.StatusNotModified, s.call(http.MethodGet, path, "", "If-None-Match", "*").Code)
	s.now = s.now.Add(time.Hour)
	require.Equal(t, http.StatusPartialContent, s.call(http.MethodGet, path, "", "Range", "bytes=0-39").Code)
}

func TestADownloadOutlivesTheTimeForAnAnswer(t *testing.T) {
	s := newSite(t, Limits{}, broker.AttachmentLimits{})
	content := strings.Repeat("0123456789abcdef", 1<<16)
	path := s.attach("a.txt", content)
	server := httptest.NewUnstartedServer(s.handler)
	server.Config.WriteTimeout = 1 // a nanosecond: without more time, nothing can be written
	server.Start()
	defer server.Close()
	answer, err := server.Client().Get(server.URL + path)
	require.NoError(t, err)
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.True(t, content == string(got))
}

func TestWhoNeverReadsIsCut(t *testing.T) {
	cut := make(chan error, 1)
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.GET("/", func(c *gin.Context) {
		w := &outlet{ResponseWriter: c.Writer, patience: 50 * time.Millisecond}
		chunk := make([]byte, 1<<20)
		for {
			if _, err := w.Write(chunk); err != nil {
				cut <- err
				return
			}
		}
	})
	server := httptest.NewServer(engine)
	defer server.Close()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	require.NoError(t, err)
	select {
	case err := <-cut:
		var timeout net.Error
		require.ErrorAs(t, err, &timeout)
		require.True(t, timeout.Timeout(), "%v", err)
	case <-time.After(30 * time.Second):
		t.Fatal("it is still writing")
	}
}
