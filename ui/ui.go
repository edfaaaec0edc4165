// Package ui serves the web pages that are part of the program. They are a
// client of Gotify's API like any other; this package knows nothing of the
// domain.
//
// The web app is not built yet: until then the first page says what this server
// is and how to send the first message.
package ui

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"

	"github.com/gin-gonic/gin"
)

//go:embed welcome.html
var welcome string

//go:embed welcome.css
var style []byte

// policy lets a page load nothing but this server's own files, and no scripts.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Mount adds the pages to r. They show the address that people reach the server
// at, which address tells.
func Mount(r gin.IRoutes, address func(*http.Request) string) {
	page := template.Must(template.New("welcome").Parse(welcome))
	show := func(c *gin.Context) {
		var text bytes.Buffer
		if err := page.Execute(&text, address(c.Request)); err != nil {
			c.Status(http.StatusInternalServerError)
			return
		}
		c.Header("Content-Security-Policy", policy)
		c.Header("Cache-Control", "no-cache")
		c.Data(http.StatusOK, "text/html; charset=utf-8", text.Bytes())
	}
	r.GET("/", show)
	r.GET("/index.html", show)
	r.GET("/static/welcome.css", func(c *gin.Context) {
		c.Header("Cache-Control", "public, max-age=3600")
		c.Data(http.StatusOK, "text/css; charset=utf-8", style)
	})
}
