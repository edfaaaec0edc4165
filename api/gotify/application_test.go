package gotify

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"mime/multipart"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestApplicationsOverHTTP(t *testing.T) {
	h := newHouse(t, nil)
	ada, bob := h.newPerson("ada", false), h.newPerson("bob", false)
	_, token := ada.newClient()
	_, stranger := bob.newClient()
	do := func(method, path, body string) *httptest.ResponseRecorder {
		return h.do(method, path, body, "X-Gotify-Key", token)
	}
	require.Equal(t, "[]", do("GET", "/application", "").Body.String())
	answer := do("POST", "/application", `{"name":"<t>","description":"d","defaultPriority":4}`)
	made := fields[application](t, answer)
	require.Regexp(t, `^\{"id":\d+,"token":"A[^"]{14}","name":"\\u003ct\\u003e","description":"d","internal":false,"image":"static/defaultapp.png",`+
		`"defaultPriority":4,"createdAt":"[^"]+Z","lastUsed":null,"sortKey":"a0"\}$`, answer.Body.String())
	require.Equal(t, []application{made}, fields[[]application](t, do("GET", "/application", "")))
	require.Equal(t, "Field 'name' is required", refused(t, do("POST", "/application", `{}`), 400))
	require.Equal(t, "sort key is not unique", refused(t, do("POST", "/application", `{"name":"x","sortKey":"a0"}`), 400))

	path := fmt.Sprintf("/application/%d", made.ID)
	changed := fields[application](t, do("PUT", path, `{"name":"n"}`))
	require.Equal(t, made.Token, changed.Token)
	require.Empty(t, changed.Description)
	require.Zero(t, changed.DefaultPriority)

	require.Equal(t, "{}", do("PUT", path+"/security", `{}`).Body.String())
	require.Equal(t, "{}", do("PUT", path+"/security", `{"regenerateToken":false}`).Body.String())
	refused(t, do("PUT", path+"/security", `null`), 400)
	rotated := fields[newToken](t, do("PUT", path+"/security", `{"regenerateToken":true}`))
	require.NotEqual(t, made.Token, rotated.RegenerateToken.Token)
	refused(t, h.do("POST", "/message", `{"message":"m"}`, "X-Gotify-Key", made.Token), 401)
	fields[message](t, h.do("POST", "/message", `{"message":"m"}`, "X-Gotify-Key", rotated.RegenerateToken.Token))
	require.NotNil(t, fields[[]application](t, do("GET", "/application", ""))[0].LastUsed)

	missing := fmt.Sprintf("app with id %d doesn't exists", made.ID)
	for _, request := range []struct{ method, path, body string }{
		{"PUT", path, `{"name":"x"}`}, {"PUT", path + "/security", `{"regenerateToken":true}`}, {"PUT", path + "/security", `{}`},
		{"DELETE", path, ""}, {"DELETE", path + "/image", ""}, {"POST", path + "/image", ""},
	} {
		require.Equal(t, missing, refused(t, h.do(request.method, request.path, request.body, "X-Gotify-Key", stranger), 404), "%+v", request)
	}
	require.Equal(t, fmt.Sprintf("app with id %d does not have a customized image", made.ID), refused(t, do("DELETE", path+"/image", ""), 400))
	require.Equal(t, 200, do("DELETE", path, "").Code)
	require.Equal(t, missing, refused(t, do("DELETE", path, ""), 404))
	require.NotContains(t, h.log.String(), rotated.RegenerateToken.Token)
}

func picture(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, png.Encode(&out, image.NewGray(image.Rect(0, 0, 8, 8))))
	return out.Bytes()
}

// upload posts a file in the field of a form.
func (p *resident) upload(path, field string, data []byte) *httptest.ResponseRecorder {
	p.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	require.NoError(p.t, form.WriteField("other", "skipped"))
	part, err := form.CreateFormFile(field, "file")
	require.NoError(p.t, err)
	_, err = part.Write(data)
	require.NoError(p.t, err)
	require.NoError(p.t, form.Close())
	return p.post(path, form.FormDataContentType(), body.String())
}

func (p *resident) post(path, kind, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	r.SetBasicAuth(p.user.Name, p.pass)
	return p.serve1(r)
}

func TestImagesOverHTTP(t *testing.T) {
	h := newHouse(t, nil)
	ada := h.newPerson("ada", false)
	a, _ := ada.newApplication()
	path := fmt.Sprintf("/application/%d/image", a.ID)
	set := fields[application](t, ada.upload(path, "file", picture(t)))
	require.Regexp(t, `^image/[0-9A-Za-z]{25}\.png$`, set.Image)
	served := h.do("GET", "/"+set.Image, "")
	require.Equal(t, 200, served.Code)
	require.Equal(t, "image/png", served.Header().Get("Content-Type"))
	require.Contains(t, served.Header().Get("Cache-Control"), "immutable")
	require.Contains(t, served.Header().Get("Content-Security-Policy"), "default-src 'none'")
	require.Equal(t, 206, h.do("GET", "/"+set.Image, "", "Range", "bytes=0-3").Code)
	require.Equal(t, 416, h.do("GET", "/"+set.Image, "", "Range", "bytes=99999-").Code)

	const missing = "file with key 'file' must be present"
	require.Equal(t, missing, refused(t, ada.upload(path, "picture", picture(t)), 400))
	require.Contains(t, refused(t, ada.post(path, "application/json", "{}"), 400), missing)
	require.Contains(t, refused(t, ada.post(path, "multipart/form-data", "x"), 400), missing)
	require.Contains(t, refused(t, ada.post(path, "multipart/form-data; boundary=b", ""), 400), missing)
	require.Equal(t, "file must be an image", refused(t, ada.upload(path, "file", []byte("<html>")), 400))
	refused(t, ada.post(path, "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nno end"), 400)
	refused(t, ada.post(path, "multipart/form-data; boundary=b", "--b\r\nnonsense"), 400)
	require.Equal(t, set.Image, fields[[]application](t, h.do("GET", "/application", "", ada.basic()...))[0].Image)

	// The limit is one of the picture, and the form around it does not count.
	junk := append(picture(t), make([]byte, 1<<20-len(picture(t)))...)
	require.Equal(t, 200, ada.upload(path, "file", junk).Code, "exactly as large as allowed")
	refused(t, ada.upload(path, "file", append(junk, 0)), 413)
	refused(t, ada.upload(path, "file", make([]byte, 3<<20)), 413)
	refused(t, ada.upload(path, "other", make([]byte, 3<<20)), 413)

	require.Equal(t, "static/defaultapp.png", fields[application](t, h.do("DELETE", path, "", ada.basic()...)).Image)
	refused(t, h.do("GET", "/"+set.Image, ""), 404)
	require.Equal(t, "image/png", h.do("GET", "/static/defaultapp.png", "").Header().Get("Content-Type"))
}

// The folder of an old server is served by name, and nothing else is.
func TestOldImages(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "images"), 0o700))
	for _, name := range []string{"images/a.b-C_1.PNG", "images/page.html", "images/x.jpeg", "secret.png"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600))
	}
	require.NoError(t, os.Symlink("../secret.png", filepath.Join(dir, "images/link.png")))
	h := newHouse(t, func(o *Options, _ *authOptions) { o.ImagesDir = filepath.Join(dir, "images") })
	for name, kind := range map[string]string{"a.b-C_1.PNG": "image/png", "x.jpeg": "image/jpeg"} {
		served := h.do("GET", "/image/"+name, "")
		require.Equal(t, 200, served.Code, name)
		require.Equal(t, kind, served.Header().Get("Content-Type"))
		require.Equal(t, "images/"+name, served.Body.String())
	}
	for _, name := range []string{
		"page.html", "link.png", "none.png", "..%2fsecret.png", "%2e%2e%2fsecret.png", "..", ".png.", "%00.png", "a%00.png", "%ff.png", ".", "png",
		strings.Repeat("x", 5000) + ".png", "a%5c..%5csecret.png", "x.jpeg%20",
	} {
		require.Equal(t, "page not found", refused(t, h.do("GET", "/image/"+name, ""), 404), name)
	}
	require.NotContains(t, h.log.String(), "secret.png")
	newHouse(t, func(o *Options, _ *authOptions) { o.ImagesDir = filepath.Join(dir, "none") })
	_, err := New(Options{ImagesDir: filepath.Join(dir, "secret.png")})
	require.Error(t, err)
}
