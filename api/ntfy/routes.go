package ntfy

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// cost says what a request of a route takes from its visitor.
type cost uint8

const (
	// free: it is cheap, or asked for by machines, or somebody had to log in.
	free cost = iota
	// request: one of the visitor's requests.
	request
)

type route struct {
	method, path string
	cost         cost
	handle       func(*Face, *gin.Context) error
}

// HealthPath is asked by machines, as often as they like.
const HealthPath = "/v1/health"

// fixedRoutes are those that the router knows by their path.
var fixedRoutes = []route{
	{http.MethodPost, "/", request, (*Face).publishJSON},
	{http.MethodPut, "/", request, (*Face).publishJSON},

	{http.MethodGet, HealthPath, free, (*Face).health},
	{http.MethodGet, "/v1/config", free, (*Face).configuration},
	{http.MethodGet, "/v1/version", free, (*Face).version},
	{http.MethodGet, "/v1/stats", request, (*Face).stats},

	{http.MethodGet, "/v1/account", request, (*Face).account},
	{http.MethodPost, "/v1/account/token", request, (*Face).createToken},
	{http.MethodPatch, "/v1/account/token", request, (*Face).updateToken},
	{http.MethodDelete, "/v1/account/token", request, (*Face).deleteToken},

	{http.MethodGet, "/v1/users", free, (*Face).users},
	{http.MethodPost, "/v1/users", free, (*Face).createUser},
	{http.MethodPut, "/v1/users", free, (*Face).updateUser},
	{http.MethodDelete, "/v1/users", free, (*Face).deleteUser},
	{http.MethodPost, "/v1/users/access", free, (*Face).putAccess},
	{http.MethodPut, "/v1/users/access", free, (*Face).putAccess},
	{http.MethodDelete, "/v1/users/access", free, (*Face).deleteAccess},

	{http.MethodGet, "/_matrix/push/v1/notify", free, (*Face).matrixInfo},
	{http.MethodPost, "/_matrix/push/v1/notify", request, (*Face).matrix},

	{http.MethodGet, "/file/:name", request, (*Face).file},
	{http.MethodHead, "/file/:name", request, (*Face).file},
}

// topicRoutes are those whose path begins with topics, in the order in which they
// are tried. As in ntfy, who posts to what looks like the path of a stream
// publishes with that word as the sequence.
var topicRoutes = []route{
	{http.MethodPost, "/:topic", request, (*Face).publish},
	{http.MethodPut, "/:topic", request, (*Face).publish},
	{http.MethodPost, "/:topic/:sequence", request, (*Face).publish},
	{http.MethodPut, "/:topic/:sequence", request, (*Face).publish},
	{http.MethodDelete, "/:topic/:sequence", request, (*Face).deleteSequence},
	{http.MethodGet, "/:topic/:sequence/delete", request, (*Face).deleteSequence},
	{http.MethodPut, "/:topic/:sequence/clear", request, (*Face).clearSequence},
	{http.MethodGet, "/:topic/:sequence/clear", request, (*Face).clearSequence},
	{http.MethodPut, "/:topic/:sequence/read", request, (*Face).clearSequence},
	{http.MethodGet, "/:topic/:sequence/read", request, (*Face).clearSequence},
	{http.MethodGet, "/:topic/publish", request, (*Face).publishGet},
	{http.MethodGet, "/:topic/send", request, (*Face).publishGet},
	{http.MethodGet, "/:topic/trigger", request, (*Face).publishGet},
	{http.MethodGet, "/:topics/json", request, (*Face).subscribeJSON},
	{http.MethodGet, "/:topics/sse", request, (*Face).subscribeSSE},
	{http.MethodGet, "/:topics/raw", request, (*Face).subscribeRaw},
	{http.MethodGet, "/:topics/ws", request, (*Face).subscribeWebSocket},
	{http.MethodGet, "/:topics/auth", request, (*Face).mayRead},
	{http.MethodGet, "/:topic", free, (*Face).discover},
}

// Mount adds the routes with paths of their own to r. All others, save OPTIONS, come
// to Serve.
func (f *Face) Mount(r gin.IRoutes) {
	for i := range fixedRoutes {
		r.Handle(fixedRoutes[i].method, fixedRoutes[i].path, func(c *gin.Context) { f.serve(c, &fixedRoutes[i]) })
	}
}

// Serve answers every request that no route of any face was found for: those whose
// path begins with topics, and those that are for nothing.
func (f *Face) Serve(c *gin.Context) {
	if c.Request.Method == http.MethodOptions {
		f.Preflight(c)
		return
	}
	for i := range topicRoutes {
		if topicRoutes[i].method != c.Request.Method {
			continue
		}
		if params, ok := match(topicRoutes[i].path, c.Request.URL.Path); ok {
			c.Params = params
			f.serve(c, &topicRoutes[i])
			return
		}
	}
	f.serve(c, &route{handle: (*Face).nothing})
}

// serve is the trip of every request: cost, topic, handler, error. Who it acts for is
// the handler's question, because a refusal for too many requests must cost no
// look-up.
func (f *Face) serve(c *gin.Context, r *route) {
	c.Header("Access-Control-Allow-Origin", "*")
	c.Status(http.StatusOK) // a router that found no route has set 404
	err := f.admit(c, r)
	if err == nil {
		err = r.handle(f, c)
	}
	if err != nil {
		f.Refuse(c, err)
	}
}

func (f *Face) admit(c *gin.Context, r *route) error {
	if r.cost == free {
		return nil
	}
	if err := f.visit(c, nil).request(); err != nil {
		return err
	}
	if topic := c.Param("topic"); topic != "" {
		return f.checkTopic(topic)
	}
	return nil
}

// nothing answers for paths and methods that are nobody's.
func (f *Face) nothing(*gin.Context) error { return failuref(40401, "") }

// discover tells UnifiedPush's programs that they may push to the topic, and
// shows everybody else its page.
func (f *Face) discover(c *gin.Context) error {
	if err := f.checkTopic(c.Param("topic")); err != nil {
		return f.nothing(c)
	}
	if newParameters(c.Request).flag(false, "x-unifiedpush", "unifiedpush", "up") {
		return f.unifiedPush(c)
	}
	if f.Page == nil {
		return f.nothing(c)
	}
	f.Page(c)
	return nil
}
