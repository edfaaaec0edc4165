package router

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

// trailingSlash sends who asks for a route with a slash at its end to the route
// itself. The new address is relative to the one that was asked for: it works
// under any base path and never leads to another host.
func trailingSlash(routes gin.RoutesInfo) gin.HandlerFunc {
	routes = slices.DeleteFunc(routes, func(r gin.RouteInfo) bool { return r.Method != http.MethodGet })
	return func(c *gin.Context) {
		asked := segments(c.Request.URL.Path)
		isRoute := func(r gin.RouteInfo) bool { return matches(segments(r.Path), asked) }
		if c.Request.Method != http.MethodGet || !strings.HasSuffix(c.Request.URL.EscapedPath(), "/") || !slices.ContainsFunc(routes, isRoute) {
			return
		}
		path := c.Request.URL.EscapedPath()
		location := strings.Repeat("../", strings.Count(path, "/")-1) + strings.Join(segments(path), "/")
		if c.Request.URL.RawQuery != "" {
			location += "?" + c.Request.URL.RawQuery
		}
		c.Header("Location", location)
		c.AbortWithStatus(http.StatusMovedPermanently)
	}
}

// segments returns the parts of a path, without empty ones.
func segments(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(s string) bool { return s == "" })
}

// matches reports whether the path is the route's; a segment of a route that
// begins with a colon stands for any.
func matches(route, path []string) bool {
	return len(route) > 0 && slices.EqualFunc(route, path, func(r, p string) bool { return r == p || r[0] == ':' })
}
