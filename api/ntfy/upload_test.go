package ntfy

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/broker"
	"github.com/carillon-push/carillon/model"
)

const png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"

func zipped(t *testing.T, name string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	file, err := w.Create(name)
	require.NoError(t, err)
	_, err = file.Write([]byte("content"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

func TestTypeOf(t *testing.T) {
	archive := zipped(t, "a.txt")
	for _, c := range []struct{ content, name, mediaType, extension string }{
		{"hello", "", "text/plain; charset=utf-8", ".txt"},
		{"hello", "a.png", "text/plain; charset=utf-8", ".txt"},
		{png, "a.txt", "image/png", ".png"},
		{"<html><script>alert(1)</script>", "a.jpg", "text/html; charset=utf-8", ".html"},
		{"%PDF-1.7", "", "application/pdf", ".pdf"},
		{"\x00\x01\x02", "", "application/octet-stream", ""},
		{"", "", "text/plain", ".txt"},
		{archive, "a.zip", "application/zip", ".zip"},
		{archive, "App.APK", apkType, ".apk"},
		{"hello", "a.apk", "text/plain; charset=utf-8", ".txt"},
		{"<html>", "a.apk", "text/html; charset=utf-8", ".html"},
	} {
		mediaType, extension := typeOf([]byte(c.content), c.name)
		require.Equal(t, c.mediaType, mediaType, "%+v", c)
		require.Equal(t, c.extension, extension, "%+v", c)
	}
}

func TestCleanFileName(t *testing.T) {
	for name, want := range map[string]string{
		"":                                 "",
		"photo.jpg":                        "photo.jpg",
		" my photo.jpg ":                   "my photo.jpg",
		"../../etc/passwd":                 "passwd",
		`C:\Users\me\a.txt`:                "a.txt",
		"/":                                "",
		"a/":                               "",
		"..":                               "",
		". . ":                             "",
		".profile":                         ".profile",
		"a\r\nX-Evil: 1.txt":               "aX-Evil: 1.txt",
		"a\x00b\x7f\u0085.txt":             "ab.txt",
		"gpj.\u202eexe.txt":                "gpj.exe.txt",
		"\u200b":                           "",
		"broken\xff\xfe.txt":               "broken.txt",
		`quote".txt`:                       `quote".txt`,
		"fünf und 🔔.txt":                   "fünf und 🔔.txt",
		strings.Repeat("x", 300):           strings.Repeat("x", 255),
		strings.Repeat("ü", 200):           strings.Repeat("ü", 127),
		strings.Repeat("🔔", 100) + ".jpeg": strings.Repeat("🔔", 62) + ".jpeg",
		strings.Repeat("x", 300) + "." + strings.Repeat("y", 20): strings.Repeat("x", 255),
	} {
		require.Equal(t, want, cleanFileName(name), "%q", name)
	}
}

func FuzzCleanFileName(f *testing.F) {
	f.Add("../a.txt")
	f.Add("\xff\u202e.apk")
	f.Fuzz(func(t *testing.T, name string) {
		clean := cleanFileName(name)
		require.True(t, utf8.ValidString(clean))
		require.LessOrEqual(t, len(clean), maxFileName)
		require.NotContains(t, []string{".", ".."}, clean)
		require.False(t, strings.ContainsAny(clean, "/\\\r\n\x00"))
		header := disposition(clean)
		require.False(t, strings.ContainsFunc(header, func(r rune) bool { return r < ' ' || r > '~' }), header)
	})
}

func TestUpload(t *testing.T) {
	s := newSite(t, Limits{}, broker.AttachmentLimits{File: 1 << 20})
	who := &model.Identity{Credential: model.Password, User: s.alice}
	// The beginning may come in any pieces.
	file, attachment, err := s.upload(s.context(), "../cat", iotest.OneByteReader(strings.NewReader(png+strings.Repeat("x", 9000))), -1, who)
	require.NoError(t, err)
	require.Equal(t, &model.Attachment{
		Name: "cat", URL: "https://push.example.com/sub/file/" + file.Token + ".png", Type: "image/png", Size: file.Size, Expires: s.now.Add(3 * time.Hour).Unix(),
	}, attachment)
	require.EqualValues(t, len(png)+9000, file.Size)
	require.Equal(t, "cat", file.Name)
	require.Equal(t, "image/png", file.Type)
	require.Equal(t, s.visit(s.context(), who).key, file.Visitor)
	require.Equal(t, []string{file.Token}, s.files())

	file, attachment, err = s.upload(s.context(), "", strings.NewReader("hello"), 5, nil)
	require.NoError(t, err)
	require.Equal(t, "attachment.txt", attachment.Name)
	require.Equal(t, "attachment.txt", file.Name)
	require.Equal(t, "192.0.2.1", file.Visitor)
}

func TestUploadsCountAsTraffic(t *testing.T) {
	s := newSite(t, Limits{Bandwidth: 10_000}, broker.AttachmentLimits{})
	_, _, err := s.upload(s.context(), "", unread11k{t}, 11_000, nil)
	failedWith(t, 42905, err)
	_, _, err = s.upload(s.context(), "", strings.NewReader(strings.Repeat("x", 11_000)), -1, nil)
	failedWith(t, 42905, err)
	require.Empty(t, s.files())

	s = newSite(t, Limits{Bandwidth: 10_000}, broker.AttachmentLimits{})
	_, _, err = s.upload(s.context(), "", strings.NewReader(strings.Repeat("x", 6000)), 6000, nil)
	require.NoError(t, err)
	_, _, err = s.upload(s.context(), "", strings.NewReader(strings.Repeat("x", 4000)), -1, nil)
	require.NoError(t, err)
	_, _, err = s.upload(s.context(), "", strings.NewReader("x"), 1, nil)
	failedWith(t, 42905, err)
	_, _, err = s.upload(s.context(), "", strings.NewReader("x"), 1, &model.Identity{User: s.alice})
	require.NoError(t, err, "somebody else")
}

// unread11k fails the test when it is read.
type unread11k struct{ t *testing.T }

func (u unread11k) Read([]byte) (int, error) {
	u.t.Error("it was read")
	return 0, io.EOF
}

func TestUploadsThatAreRefused(t *testing.T) {
	s := newSite(t, Limits{Bandwidth: 1000}, broker.AttachmentLimits{File: 10, Visitor: 15})
	_, _, err := s.upload(s.context(), "", unread11k{t}, 11, nil)
	failedWith(t, 41301, err)
	_, _, err = s.upload(s.context(), "", strings.NewReader("12345678901"), -1, nil)
	failedWith(t, 41301, err)
	large := http.MaxBytesReader(httptest.NewRecorder(), io.NopCloser(strings.NewReader("123456789")), 5)
	_, _, err = s.upload(s.context(), "", large, -1, nil)
	failedWith(t, 41301, err)
	_, _, err = s.upload(s.context(), "", iotest.ErrReader(errors.New("broken")), -1, nil)
	failedWith(t, 40000, err)
	require.Empty(t, s.files())
	_, left := s.visit(s.context(), nil).allowed(s.visit(s.context(), nil).bandwidth)
	require.EqualValues(t, 1000-11-5, left, "what was announced and refused costs nothing")

	off := newSite(t, Limits{}, broker.AttachmentLimits{File: -1})
	_, _, err = off.upload(off.context(), "", unread11k{t}, -1, nil)
	failedWith(t, 40014, err)
}
