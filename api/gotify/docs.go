package gotify

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
	"github.com/goccy/go-yaml"

	"github.com/carillon-push/carillon/model"
)

//go:embed openapi.yaml
var openapi []byte

//go:embed docs
var docsFiles embed.FS

// maxBaseLength bounds the query parameter base of the spec, in bytes.
const maxBaseLength = 500

// docs serves the description of this face: as a page for people and as an
// OpenAPI document for programs. Both come from openapi.yaml. It is read when
// somebody first asks, because that takes longer than starting the server; a
// test makes sure that it can be read.
//
// The page has no script and loads nothing from elsewhere, and all its links
// are relative, so it works under any path and any content security policy
// that allows 'self'.
type docs struct {
	// address returns the server's address as the caller reaches it, without a
	// slash at its end. It is shown in the examples.
	address func(*http.Request) string
	css     []byte
	// html returns the page, which still holds {base} and {ws} where the server's
	// address belongs.
	html func() (string, error)
	// json returns the document in JSON, without its servers and without the
	// opening brace.
	json func() ([]byte, error)
}

// newDocs prepares the page and the document. An error means that the program
// was built without the files of the page.
func newDocs() (*docs, error) {
	css, err := docsFiles.ReadFile("docs/docs.css")
	if err != nil {
		return nil, err
	}
	text := sync.OnceValues(func() ([]byte, error) { return yaml.YAMLToJSON(openapi) })
	return &docs{
		address: requestAddress,
		css:     css,
		html: sync.OnceValues(func() (string, error) {
			text, err := text()
			if err != nil {
				return "", err
			}
			hash := sha256.Sum256(css)
			return renderPage(text, hex.EncodeToString(hash[:6]))
		}),
		json: sync.OnceValues(func() ([]byte, error) {
			text, err := text()
			if err != nil {
				return nil, err
			}
			return withoutServers(text)
		}),
	}, nil
}

// page answers with the documentation for people.
func (d *docs) page(c *gin.Context) error {
	html, err := d.html()
	if err != nil {
		return err
	}
	address := d.address(c.Request)
	html = strings.NewReplacer(
		"{base}", template.HTMLEscapeString(address),
		"{ws}", template.HTMLEscapeString("ws"+strings.TrimPrefix(address, "http")),
	).Replace(html)
	h := c.Writer.Header()
	h.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	// The examples depend on how the caller reached us.
	h.Set("Cache-Control", "private, no-cache")
	c.Data(http.StatusOK, "text/html; charset=utf-8", []byte(html))
	return nil
}

// style answers with the style sheet of the page. The page asks for it with a
// hash of its content, so it may be kept.
func (d *docs) style(c *gin.Context) error {
	c.Writer.Header().Set("X-Content-Type-Options", "nosniff")
	c.Writer.Header().Set("Cache-Control", "public, max-age=86400")
	c.Data(http.StatusOK, "text/css; charset=utf-8", d.css)
	return nil
}

// spec answers with the OpenAPI document in JSON. The query parameter base, a
// host with an optional path as Gotify takes it or a whole address, becomes its
// server; without it the server is relative to the document. A base that is
// not an address is Invalid.
func (d *docs) spec(c *gin.Context) error {
	server := "."
	if base := c.Query("base"); base != "" {
		scheme, _, _ := strings.Cut(d.address(c.Request), "://")
		var ok bool
		if server, ok = serverURL(base, scheme); !ok {
			return model.Errorf(model.Invalid, "base is not an address")
		}
	}
	quoted, err := json.Marshal(server)
	if err != nil {
		return err
	}
	rest, err := d.json()
	if err != nil {
		return err
	}
	c.Writer.Header().Set("X-Content-Type-Options", "nosniff")
	c.Data(http.StatusOK, "application/json", fmt.Appendf(nil, `{"servers":[{"url":%s}],%s`, quoted, rest))
	return nil
}

// serverURL makes an address of base, with the given scheme when base has none.
func serverURL(base, scheme string) (string, bool) {
	if len(base) > maxBaseLength {
		return "", false
	}
	if !strings.Contains(base, "://") {
		base = scheme + "://" + base
	}
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || !hostPattern.MatchString(u.Host) {
		return "", false
	}
	return u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/"), true
}

// hostPattern is what a host with an optional port is made of. Nothing in it means
// anything to a shell, so it may stand in an example that people paste.
var hostPattern = regexp.MustCompile(`^[0-9A-Za-z.:_\[\]-]+$`)

// requestAddress returns the address that the request was sent to; the router
// has put the scheme and host that a trusted proxy told into the request. What
// does not look like a host is not shown, because people paste the result.
func requestAddress(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || r.URL.Scheme == "https" {
		scheme = "https"
	}
	if !hostPattern.MatchString(r.Host) {
		return scheme + "://localhost:8080"
	}
	return scheme + "://" + r.Host
}

// withoutServers leaves out the servers and the opening brace of an OpenAPI
// document.
func withoutServers(text []byte) ([]byte, error) {
	var document map[string]json.RawMessage
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	delete(document, "servers")
	text, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	return text[1:], nil
}
