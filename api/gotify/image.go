package gotify

import (
	"bytes"
	_ "embed"
	"errors"
	"io"
	"net/http"
	"os"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/model"
)

//go:embed static/defaultapp.png
var defaultImage []byte

// imageTypes are the only types that images are served as, by extension.
var imageTypes = map[string]string{
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
}

// imageName is what names of images look like, ours and those that Gotify gave.
var imageName = regexp.MustCompile(`^[0-9A-Za-z._-]{1,100}$`)

// image serves an application's image, without credentials as Gotify does:
// its name cannot be guessed. A name stands for one image forever.
func (f *Face) image(c *gin.Context) error {
	name := c.Param("name")
	kind, ok := imageTypes[strings.ToLower(path.Ext(name))]
	if !ok || !imageName.MatchString(name) {
		return model.Errorf(model.NotFound, "page not found")
	}
	stored, err := f.Reader.ImageByName(c.Request.Context(), name)
	if model.KindOf(err) == model.NotFound {
		return f.oldImage(c, name, kind)
	}
	if err != nil {
		return err
	}
	writeImage(c, kind, stored.Data)
	return nil
}

// oldImage serves an image from the folder of a Gotify server. The folder is
// opened as a root, which no name leads out of.
func (f *Face) oldImage(c *gin.Context, name, kind string) error {
	if f.images != nil {
		data, err := f.images.ReadFile(name)
		if err == nil {
			writeImage(c, kind, data)
			return nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			f.Log.WarnContext(c.Request.Context(), "an old image cannot be read", "name", name, "error", err)
		}
	}
	return model.Errorf(model.NotFound, "page not found")
}

func (f *Face) defaultImage(c *gin.Context) error {
	c.Header("Cache-Control", "public, max-age=86400")
	c.Data(http.StatusOK, "image/png", defaultImage)
	return nil
}

func writeImage(c *gin.Context, kind string, data []byte) {
	c.Header("Content-Type", kind)
	c.Header("Cache-Control", "public, max-age=31536000, immutable")
	// An image opened by itself must not be more than an image.
	c.Header("Content-Security-Policy", "default-src 'none'; sandbox")
	http.ServeContent(c.Writer, c.Request, "", time.Time{}, bytes.NewReader(data))
}

func isEnd(err error) bool { return errors.Is(err, io.EOF) }

// tooLarge finds a body that was cut off behind the error of who read from it.
func tooLarge(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return unreadable(err)
	}
	return err
}
