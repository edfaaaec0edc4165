package ntfy

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/model"
)

// filePath is before the token in the address of an attachment.
const filePath = "/file/"

// file answers with an attachment. Its address is the only credential that it
// takes. Nothing of what somebody has uploaded runs as a page of this server.
func (f *Face) file(c *gin.Context) error {
	token, ok := fileToken(strings.TrimPrefix(c.Request.URL.Path, filePath))
	if !ok {
		return f.nothing(c)
	}
	file, content, err := f.Broker.OpenFile(c.Request.Context(), token)
	if model.KindOf(err) == model.NotFound {
		return f.nothing(c)
	}
	if err != nil {
		return err
	}
	defer content.Close() //nolint:errcheck // it is only read
	about, err := content.Stat()
	if err != nil {
		return err
	}
	h := c.Writer.Header()
	kept := h.Clone()
	h.Set("Content-Type", harmlessType(file.Type))
	h.Set("Content-Disposition", disposition(file.Name))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cache-Control", "private")
	h.Set("Etag", `"`+token+`"`)
	w := &outlet{ResponseWriter: c.Writer, patience: downloadPatience}
	if c.Request.Method == http.MethodGet {
		w.visitor = f.visit(c, nil)
	}
	http.ServeContent(w, c.Request, "", about.ModTime(), content)
	if w.refused != nil {
		for name := range h {
			delete(h, name)
		}
		for name, values := range kept {
			h[name] = values
		}
		return w.refused
	}
	c.Writer.WriteHeaderNow()
	return nil
}

// fileToken returns the token in the last part of a file's address, which may
// have any extension.
func fileToken(name string) (string, bool) {
	token, extension, dotted := strings.Cut(name, ".")
	return token, model.IsTopic(token) && (!dotted || isExtension("."+extension))
}

// outlet lets a content out when the visitor has bandwidth for it, and moves the
// deadline while it goes.
type outlet struct {
	gin.ResponseWriter
	// visitor pays for it; nil when there is no content to be sent.
	visitor *visitor
	// patience is how long a piece may take.
	patience time.Duration
	// refused is why nothing was let out.
	refused error
}

const (
	// downloadPatience is how long the receiver of an attachment may take for a
	// piece of it.
	downloadPatience = time.Minute
	// piece is in bytes. Together they are the slowest that a receiver may be.
	piece = 16 << 10
)

// WriteHeader counts what the headers say that will be sent: a part of the file
// for who asks for one, nothing for who has it already.
func (o *outlet) WriteHeader(status int) {
	if o.visitor != nil && (status == http.StatusOK || status == http.StatusPartialContent) {
		size, err := strconv.ParseInt(o.Header().Get("Content-Length"), 10, 64)
		if err == nil {
			o.refused = o.visitor.traffic(size)
		}
	}
	if o.refused == nil {
		o.ResponseWriter.WriteHeader(status)
	}
}

func (o *outlet) Write(p []byte) (written int, err error) {
	control := http.NewResponseController(o.ResponseWriter)
	for len(p) > 0 && o.refused == nil {
		// Where the connection has no deadlines, nothing is to be moved.
		_ = control.SetWriteDeadline(time.Now().Add(o.patience))
		n, err := o.ResponseWriter.Write(p[:min(len(p), piece)])
		written += n
		if err != nil {
			return written, err
		}
		p = p[n:]
	}
	return written, o.refused
}

// harmlessType returns the type under which a file is handed out: what a browser
// would run, or could draw with scripts in it, is plain text.
func harmlessType(stored string) string {
	mediaType, params, err := mime.ParseMediaType(stored)
	if err != nil {
		return "application/octet-stream"
	}
	if !isActive(mediaType) {
		return stored
	}
	if charset := params["charset"]; charset != "" {
		return mime.FormatMediaType("text/plain", map[string]string{"charset": charset})
	}
	return "text/plain; charset=utf-8"
}

func isActive(mediaType string) bool {
	kind, name, _ := strings.Cut(mediaType, "/")
	if kind == "multipart" || kind == "message" || name == "xml" || strings.HasSuffix(name, "+xml") || strings.HasPrefix(name, "xml-") {
		return true
	}
	return slices.ContainsFunc([]string{"html", "script", "css", "xsl", "flash", "cache-manifest", "svg"}, func(part string) bool {
		return strings.Contains(name, part)
	})
}

// disposition returns a header that makes browsers save a file under its name,
// also one that is not of ASCII (RFC 6266, section 5; RFC 8187).
func disposition(name string) string {
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' || r == '%' {
			return '_'
		}
		return r
	}, name)
	if plain == name {
		return fmt.Sprintf(`attachment; filename="%s"`, name)
	}
	escaped := strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
	return fmt.Sprintf(`attachment; filename="%s"; filename*=UTF-8''%s`, plain, escaped)
}
