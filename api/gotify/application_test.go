package gotify

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
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
		`"defaultPriority":4,"createdAt":"[^"]+Z","lastUsed":null,"sortKey":"a0","topic":"[-_A-Za-z0-9]{1,64}"\}$`, answer.Body.String())
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

// The topic is the application's name in ntfy's language.
func TestTopicsOverHTTP(t *testing.T) {
	h := newHouse(t, nil)
	ada := h.newPerson("ada", false)
	do := func(method, path, body string) *httptest.ResponseRecorder {
		return h.do(method, path, body, ada.basic()...)
	}
	made := fields[application](t, do("POST", "/application", `{"name":"Backups","topic":"Backup_1"}`))
	require.Equal(t, "Backup_1", made.Topic)
	path := fmt.Sprintf("/application/%d", made.ID)
	require.Equal(t, "other", fields[application](t, do("PUT", path, `{"name":"Backups","topic":"other"}`)).Topic)
	for _, body := range []string{`{"name":"Backups"}`, `{"name":"Backups","topic":""}`, `{"name":"Backups","topic":null}`, `{"name":"Another name"}`} {
		require.Equal(t, "other", fields[application](t, do("PUT", path, body)).Topic, "%s keeps it", body)
	}
	require.Equal(t, "of-a-form", fields[application](t, ada.post("/application", "application/x-www-form-urlencoded", "name=n&topic=of-a-form")).Topic)
	derived := fields[application](t, do("POST", "/application", `{"name":"Front door"}`)).Topic
	require.True(t, model.IsTopic(derived), derived)

	taken := refused(t, do("POST", "/application", `{"name":"x","topic":"other"}`), 400)
	require.Contains(t, taken, "topic")
	refused(t, do("PUT", fmt.Sprintf("/application/%d", made.ID+1), `{"name":"x","topic":"other"}`), 400)
	for _, topic := range []string{"a b", "ä", "a/b", "a*", strings.Repeat("x", 65), "message", "stream"} {
		require.Contains(t, refused(t, do("POST", "/application", fmt.Sprintf(`{"name":"x","topic":%q}`, topic)), 400), "topic", topic)
		require.Contains(t, refused(t, do("PUT", path, fmt.Sprintf(`{"name":"x","topic":%q}`, topic)), 400), "topic", topic)
	}
	require.Contains(t, refused(t, do("POST", "/application", `{"name":"x","topic":7}`), 400), "Field 'topic' cannot be a JSON number")
}

// What somebody else shares stands behind one's own, without its token, and is
// for reading only.
func TestSharedApplicationsOverHTTP(t *testing.T) {
	h := newHouse(t, nil)
	ada, bob, eve := h.newPerson("ada", false), h.newPerson("bob", false), h.newPerson("eve", false)
	shared, sender := ada.newApplication()
	own, _ := bob.newApplication()
	_, token := bob.newClient()
	_, stranger := eve.newClient()
	do := func(method, path string) *httptest.ResponseRecorder {
		return h.do(method, path, `{"name":"x"}`, "X-Gotify-Key", token)
	}
	path := fmt.Sprintf("/application/%d", shared.ID)
	h.do("POST", "/message", `{"message":"before"}`, "X-Gotify-Key", sender)
	require.Len(t, fields[[]application](t, do("GET", "/application")), 1)
	require.Empty(t, fields[paged](t, do("GET", "/message")).Messages)
	refused(t, do("GET", path+"/message"), 404)

	rule := model.AccessRule{UserID: &bob.user.ID, Pattern: shared.Topic, CanRead: true}
	require.NoError(t, h.Auth.PutAccessRule(t.Context(), rule))
	answer := do("GET", "/application")
	list := fields[[]application](t, answer)
	require.Len(t, list, 2)
	require.Equal(t, own.ID, list[0].ID)
	require.NotEmpty(t, list[0].Token)
	require.Regexp(t, fmt.Sprintf(`,\{"id":%d,"name":"app","description":"","internal":false,"image":"static/defaultapp.png","defaultPriority":4,`+
		`"createdAt":"[^"]+","lastUsed":("[^"]+"|null),"sortKey":"a0","topic":"%s","shared":true,"owner":"ada","canWrite":false\}\]$`, shared.ID, shared.Topic), answer.Body.String())
	require.NotContains(t, strings.SplitN(answer.Body.String(), "},{", 2)[0], "shared", "one's own looks as it always did")

	page := fields[paged](t, do("GET", "/message"))
	require.Len(t, page.Messages, 1)
	require.Equal(t, "before", page.Messages[0].Message)
	require.Equal(t, page.Messages, fields[paged](t, do("GET", path+"/message")).Messages)
	require.Empty(t, fields[paged](t, h.do("GET", "/message", "", "X-Gotify-Key", stranger)).Messages)

	missing := fmt.Sprintf("app with id %d doesn't exists", shared.ID)
	for _, request := range []string{"PUT " + path, "DELETE " + path, "PUT " + path + "/security", "POST " + path + "/image", "DELETE " + path + "/image"} {
		method, target, _ := strings.Cut(request, " ")
		require.Equal(t, missing, refused(t, do(method, target), 404), request)
	}
	refused(t, do("DELETE", path+"/message"), 404)
	refused(t, do("DELETE", fmt.Sprintf("/message/%d", page.Messages[0].ID)), 404)
	require.Equal(t, 200, do("DELETE", "/message").Code, "which is about one's own")
	require.Len(t, fields[paged](t, do("GET", "/message")).Messages, 1)

	rule.CanWrite = true
	require.NoError(t, h.Auth.PutAccessRule(t.Context(), rule))
	list = fields[[]application](t, do("GET", "/application"))
	require.True(t, *list[1].CanWrite, "what the user may do, with a password if not with this token")
	require.NoError(t, h.Auth.DeleteAccessRules(t.Context(), &bob.user.ID, shared.Topic))
	require.Len(t, fields[[]application](t, do("GET", "/application")), 1)
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
	return p.serve1(p.request("POST", path, kind, body))
}

func (p *resident) request(method, path, kind, body string) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	r.SetBasicAuth(p.user.Name, p.pass)
	return r
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
