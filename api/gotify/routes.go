package gotify

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/model"
)

// need says what a route asks of its caller.
type need uint8

const (
	// nobody: no credentials are looked at.
	nobody need = iota
	// anybody: credentials are looked at when there are some, and must be right.
	anybody
	// poster: any credentials; what they may do is decided by the verb.
	poster
	// person: a client token or a password.
	person
	// maker: a person who may create clients.
	maker
	// elevated: a person, elevated where auth.elevation asks for it.
	elevated
	// admin: an elevated person who is an admin.
	admin
)

type route struct {
	method, path string
	need         need
	handle       func(*Face, *gin.Context) error
}

// Paths that the limits of the router make an exception for.
const (
	// HealthPath is asked by machines, as often as they like.
	HealthPath = "/health"
	// UploadPath takes an image, whose size has a limit of its own.
	UploadPath = "/application/:id/image"
)

const (
	streamPath = "/stream"
	accessPath = "/application/:id/access"
)

// routes is the whole of Gotify's API, in the order of its documentation.
var routes = []route{
	{http.MethodGet, HealthPath, nobody, (*Face).health},
	{http.MethodHead, HealthPath, nobody, (*Face).health},
	{http.MethodGet, "/version", nobody, (*Face).version},
	{http.MethodGet, "/gotifyinfo", nobody, (*Face).info},
	{http.MethodGet, "/docs", nobody, func(f *Face, c *gin.Context) error { return f.docs.page(c) }},
	{http.MethodGet, "/docs/docs.css", nobody, func(f *Face, c *gin.Context) error { return f.docs.style(c) }},
	{http.MethodGet, "/swagger", nobody, func(f *Face, c *gin.Context) error { return f.docs.spec(c) }},
	{http.MethodGet, "/image/:name", nobody, (*Face).image},
	{http.MethodGet, "/static/defaultapp.png", nobody, (*Face).defaultImage},

	{http.MethodPost, "/message", poster, (*Face).createMessage},
	{http.MethodGet, "/message", person, (*Face).messages},
	{http.MethodDelete, "/message", person, (*Face).deleteMessages},
	{http.MethodDelete, "/message/:id", person, (*Face).deleteMessage},
	{http.MethodGet, streamPath, person, (*Face).stream},

	{http.MethodGet, "/application", person, (*Face).applications},
	{http.MethodPost, "/application", person, (*Face).createApplication},
	{http.MethodPut, "/application/:id", person, (*Face).updateApplication},
	{http.MethodDelete, "/application/:id", elevated, (*Face).deleteApplication},
	{http.MethodPut, "/application/:id/security", elevated, (*Face).secureApplication},
	{http.MethodPost, UploadPath, person, (*Face).setImage},
	{http.MethodDelete, UploadPath, person, (*Face).deleteImage},
	{http.MethodGet, accessPath, person, (*Face).access},
	{http.MethodPut, accessPath, elevated, (*Face).putAccess},
	{http.MethodDelete, accessPath, elevated, (*Face).deleteAccess},
	{http.MethodGet, "/application/:id/message", person, (*Face).applicationMessages},
	{http.MethodDelete, "/application/:id/message", person, (*Face).deleteApplicationMessages},

	{http.MethodGet, "/client", person, (*Face).clients},
	{http.MethodPost, "/client", maker, (*Face).createClient},
	{http.MethodPut, "/client/:id", person, (*Face).updateClient},
	{http.MethodDelete, "/client/:id", person, (*Face).deleteClient},
	{http.MethodPost, "/client/:id/elevate", elevated, (*Face).elevateClient},

	{http.MethodGet, "/current/user", person, (*Face).currentUser},
	{http.MethodPost, "/current/user/password", elevated, (*Face).changePassword},
	{http.MethodGet, "/user", admin, (*Face).users},
	{http.MethodPost, "/user", anybody, (*Face).createUser},
	{http.MethodGet, "/user/:id", admin, (*Face).user},
	{http.MethodPost, "/user/:id", admin, (*Face).updateUser},
	{http.MethodDelete, "/user/:id", admin, (*Face).deleteUser},

	{http.MethodPost, "/auth/local/login", nobody, (*Face).login},
	{http.MethodPost, "/auth/logout", person, (*Face).logout},
}

// Mount adds the face's routes to r. OPTIONS is answered by Preflight and a path
// without a route by NotFound, which the router calls.
func (f *Face) Mount(r gin.IRoutes) {
	for _, route := range routes {
		r.Handle(route.method, route.path, f.serve(route))
	}
}

// serve is the trip of every request: origin, credentials, body, handler, error.
func (f *Face) serve(r route) gin.HandlerFunc {
	return func(c *gin.Context) {
		err := f.checkOrigin(c, r.path == streamPath)
		if err == nil {
			err = f.authorize(c, r.need)
		}
		if err == nil && c.Request.ContentLength != 0 && r.path != UploadPath {
			// Who takes time to send a body may have lost the right to meanwhile.
			if err = receive(c.Request); err == nil {
				err = f.authorize(c, r.need)
			}
		}
		if err == nil {
			err = r.handle(f, c)
		}
		if err != nil {
			f.Refuse(c, err)
		}
	}
}

// NotFound answers a path or method that no route has.
func (f *Face) NotFound(c *gin.Context) {
	f.Refuse(c, model.Errorf(model.NotFound, "page not found"))
}
