package ntfy

import (
	"errors"
	"io"
	"net/http"
	"path"
	"strings"
	"unicode"

	"github.com/gabriel-vasile/mimetype"
	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/model"
)

const (
	// sniffed is how much of a file is looked at to find its type, in bytes.
	sniffed = 3072
	// maxFileName is in bytes: what file systems take.
	maxFileName = 255

	apkType = "application/vnd.android.package-archive"
)

// upload stores the content as an attachment of a message that is about to be
// published. name is what the sender calls it, or ""; size is what was announced,
// or negative. Who does not publish it calls Broker.Discard.
//
// What is too large or too much is refused before the content is read, when its
// size was announced.
func (f *Face) upload(c *gin.Context, name string, content io.Reader, size int64, who *model.Identity) (*model.File, *model.Attachment, error) {
	v := f.visit(c, who)
	in := &intake{content: content, visitor: v, announced: size}
	file, err := f.Broker.Upload(c.Request.Context(), model.File{Name: cleanFileName(name), Visitor: v.key}, size, in)
	if err != nil {
		return nil, nil, unread(err)
	}
	mediaType, extension := typeOf(in.head, file.Name)
	file.Type = mediaType
	if file.Name == "" {
		file.Name = "attachment" + extension
	}
	return file, &model.Attachment{
		Name: file.Name, URL: f.address(c) + filePath + file.Token + extension,
		Type: file.Type, Size: file.Size, Expires: file.Expires.Unix(),
	}, nil
}

// unread finds the reason that lies behind a content that could not be read.
func unread(err error) error {
	if refused, ok := errors.AsType[*failure](err); ok {
		return refused
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return unreadable(err)
	}
	return err
}

// intake reads a content while it is counted and its beginning kept.
type intake struct {
	content io.Reader
	visitor *visitor
	// announced is the size of the whole, or negative; it is counted at once.
	announced int64
	started   bool
	head      []byte
}

func (i *intake) Read(p []byte) (n int, err error) {
	if !i.started {
		i.started = true
		if err := i.visitor.traffic(i.announced); err != nil {
			return 0, err
		}
	}
	n, err = i.content.Read(p)
	i.head = append(i.head, p[:min(n, sniffed-len(i.head))]...)
	if i.announced < 0 {
		if refused := i.visitor.traffic(int64(n)); refused != nil {
			return 0, refused
		}
	}
	return n, err
}

// typeOf finds the type of a file by its first bytes, and the extension that goes
// with it. The name is believed for Android's packages only, which are not told from
// other archives by their beginning.
func typeOf(head []byte, name string) (mediaType, extension string) {
	found := mimetype.Detect(head)
	if strings.EqualFold(path.Ext(name), ".apk") {
		for kind := found; kind != nil; kind = kind.Parent() {
			if kind.Is("application/zip") {
				return apkType, ".apk"
			}
		}
	}
	if !isExtension(found.Extension()) {
		return found.String(), ""
	}
	return found.String(), found.Extension()
}

// isExtension reports whether the text is a dot and 1 to 16 letters and digits.
func isExtension(text string) bool {
	name, dotted := strings.CutPrefix(text, ".")
	return dotted && name != "" && len(name) <= 16 && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// cleanFileName returns what may be shown and saved of a file's name: no folders,
// nothing invisible, and no more than maxFileName bytes, with its extension. It
// returns "" when nothing is left.
func cleanFileName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return -1 // characters of Cf can show a name backwards
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	name = strings.TrimSpace(name)
	if strings.Trim(name, ". ") == "" {
		return ""
	}
	if len(name) <= maxFileName {
		return name
	}
	extension := path.Ext(name)
	if !isExtension(extension) {
		extension = ""
	}
	return strings.ToValidUTF8(name[:maxFileName-len(extension)], "") + extension
}
