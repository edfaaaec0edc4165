package gotify

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

func picture() image.Image {
	p := image.NewPaletted(image.Rect(0, 0, 60, 40), color.Palette{color.White, color.RGBA{R: 200, A: 255}})
	for x := range 40 {
		p.SetColorIndex(x, x, 1)
	}
	return p
}

func picturePNG(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, png.Encode(&out, picture()))
	return out.Bytes()
}

// pictures returns the same small picture in every format that is accepted.
func pictures(t *testing.T) map[string][]byte {
	t.Helper()
	var jpg, gifs bytes.Buffer
	require.NoError(t, jpeg.Encode(&jpg, picture(), nil))
	require.NoError(t, gif.Encode(&gifs, picture(), nil))
	// One pixel, lossless: the standard library cannot write this format.
	webp, err := base64.StdEncoding.DecodeString("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
	require.NoError(t, err)
	return map[string][]byte{"png": picturePNG(t), "jpg": jpg.Bytes(), "gif": gifs.Bytes(), "webp": webp}
}

// upload returns a multipart body with one file.
func upload(t *testing.T, field, name string, data []byte) Raw {
	t.Helper()
	var out bytes.Buffer
	form := multipart.NewWriter(&out)
	part, err := form.CreateFormFile(field, name)
	require.NoError(t, err)
	_, err = part.Write(data)
	require.NoError(t, err)
	require.NoError(t, form.Close())
	return Raw{form.FormDataContentType(), out.Bytes()}
}

func TestImageOfApplication(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender := user.NewSender("app")
		path := fmt.Sprintf("/application/%d/image", sender.ID)
		before := ""
		for kind, data := range pictures(t) {
			// The content counts, not the name: Android's generated client sends "file".
			for _, name := range []string{"picture." + kind, "file", "x.html"} {
				changed := As[Application](user.Post(path, upload(t, "file", name, data)))
				require.True(t, strings.HasPrefix(changed.Image, "image/"), changed.Image)
				require.NotEqual(t, before, changed.Image, "a new picture has a new address")
				requirePicture(t, Anonymous(t, s).Get("/"+changed.Image))
				require.Equal(t, changed.Image, As[[]Application](user.Get("/application"))[0].Image)
				if before != "" {
					Anonymous(t, s).Get("/" + before).Refused(404)
				}
				before = changed.Image
			}
		}
		plain := As[Application](user.Delete(path))
		require.Equal(t, "static/defaultapp.png", plain.Image)
		Anonymous(t, s).Get("/" + before).Refused(404)
		user.Delete(path).Refused(400, fmt.Sprintf("app with id %d does not have a customized image", sender.ID))
	})
}

func requirePicture(t *testing.T, answer *Answer) {
	t.Helper()
	answer.Want(http.StatusOK)
	_, kind, err := image.Decode(bytes.NewReader(answer.Body))
	require.NoError(t, err)
	require.Equal(t, "image/"+kind, answer.Header.Get("Content-Type"))
	require.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"))
	require.Contains(t, answer.Header.Get("Cache-Control"), "immutable")
	require.Contains(t, answer.Header.Get("Cache-Control"), "max-age=")
}

// An image outlives the process and the folder of the process.
func TestImageSurvivesRestart(t *testing.T) {
	own(t, nil, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		path := fmt.Sprintf("/application/%d/image", user.NewSender("app").ID)
		changed := As[Application](user.Post(path, upload(t, "file", "a.png", picturePNG(t))))
		s.Restart(t)
		requirePicture(t, Anonymous(t, s).Get("/"+changed.Image))
	})
}

func TestWhatIsNoImage(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user, other := NewPerson(t, s), NewPerson(t, s)
		sender := user.NewSender("app")
		path := fmt.Sprintf("/application/%d/image", sender.ID)
		data := picturePNG(t)
		c := user.Loose()
		c.Post(path, upload(t, "picture", "a.png", data)).Refused(400, "file with key 'file' must be present")
		c.Post(path, upload(t, "file", "a.png", []byte("<html><script>alert(1)</script>"))).Refused(400, "file must be an image")
		c.Post(path, upload(t, "file", "a.png", nil)).Refused(400)
		c.Post(path, upload(t, "file", "a.png", data[:len(data)/2])).Refused(400, "image")
		c.Post(path, upload(t, "file", "a.png", append(data[:33:33], "<html>"...))).Refused(400, "image")
		c.Post(path, upload(t, "file", "a.svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`))).Refused(400, "file must be an image")
		c.Post(path, object{"file": "x"}).Refused(400)
		c.Post(path, nil).Refused(400)
		c.Post(path, Raw{"image/png", data}).Refused(400)
		c.Post(path, Raw{"multipart/form-data", data}).Refused(400)
		c.Post(path, Raw{"multipart/form-data; boundary=x", []byte("--x\r\nContent-Dispo")}).Refused(400)
		other.Post(path, upload(t, "file", "a.png", data)).Refused(404)
		other.Delete(path).Refused(404)
		user.Delete("/application/987654321/image").Refused(404, "app with id 987654321 doesn't exists")
		require.Equal(t, "static/defaultapp.png", As[[]Application](user.Get("/application"))[0].Image)
	})
}

// A small file that unfolds into an enormous picture is refused before it is
// unfolded, and a large picture is made smaller.
func TestHugeImages(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		path := fmt.Sprintf("/application/%d/image", user.NewSender("app").ID)
		bomb := picturePNG(t)
		copy(bomb[16:], []byte{0, 1, 0, 0, 0, 1, 0, 0}) // width and height of 65536
		user.Loose().Post(path, upload(t, "file", "a.png", bomb)).Refused(400)

		var large bytes.Buffer
		require.NoError(t, png.Encode(&large, image.NewPaletted(image.Rect(0, 0, 2000, 1000), color.Palette{color.Black})))
		changed := As[Application](user.Post(path, upload(t, "file", "a.png", large.Bytes())))
		answer := Anonymous(t, s).Get("/" + changed.Image)
		requirePicture(t, answer)
		smaller, _, err := image.DecodeConfig(bytes.NewReader(answer.Body))
		require.NoError(t, err)
		require.Less(t, smaller.Width, 2000)
		require.InDelta(t, 2, float64(smaller.Width)/float64(smaller.Height), 0.05, "the proportions stay")
	})
}

func TestNoWayOutOfTheImageFolder(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		for _, path := range []string{
			"/image/../carillon.db", "/image/..%2fcarillon.db", "/image/%2e%2e/%2e%2e/etc/passwd", "/image/..%5c..%5cx.png",
			"/image/%00.png", "/image/nothing.png", "/image/", "/image/a/b.png", "/image/.png", "/image/%ff.png",
			"/static/../main.go", "/static/..%2f..%2fgo.mod", "/static/%2e%2e/main.go", "/static/nothing.js",
			"/image/" + strings.Repeat("x", 5000) + ".png",
		} {
			answer := Anonymous(t, s).Loose().Get(path)
			if answer.Status == http.StatusMovedPermanently {
				continue // to the same path without a slash at its end, or without the dots
			}
			answer.Refused(404)
		}
	})
}
