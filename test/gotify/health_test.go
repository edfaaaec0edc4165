package gotify

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

func TestHealth(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		c := Anonymous(t, s)
		require.Equal(t, object{"health": "green", "database": "green"}, As[object](c.Get("/health")))
		c.Do("HEAD", "/health", nil).Empty(http.StatusOK)
	})
}

// Apps switch on a 3 that they find in the version.
func TestVersionStaysBelow3(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		version := As[map[string]string](Anonymous(t, s).Get("/version"))
		require.Contains(t, version, "commit")
		require.Contains(t, version, "buildDate")
		major, err := strconv.Atoi(strings.Split(strings.TrimPrefix(version["version"], "v"), ".")[0])
		require.NoError(t, err, "version %q", version["version"])
		require.Less(t, major, 3)
	})
}

func TestInfoOfALoginPage(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		c := Anonymous(t, s)
		info := As[object](c.Get("/gotifyinfo"))
		require.Equal(t, As[object](c.Get("/version"))["version"], info["version"])
		require.Equal(t, false, info["register"])
		require.Equal(t, false, info["oidc"])
	})
}

func TestPagesNeedNoCredentials(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		c := Anonymous(t, s)
		for path, kind := range map[string]string{
			"/": "text/html", "/index.html": "text/html", "/docs": "text/html",
			"/swagger": "application/json", "/static/defaultapp.png": "image/png",
		} {
			answer := c.Get(path).Want(http.StatusOK)
			require.True(t, strings.HasPrefix(answer.Header.Get("Content-Type"), kind), "%s: %v", path, answer.Header)
			require.NotEmpty(t, answer.Body, path)
		}
	})
}

// A documentation page that loads from elsewhere tells others who reads it.
func TestDocsLoadNothingFromElsewhere(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		page := string(Anonymous(t, s).Get("/docs").Want(http.StatusOK).Body)
		for _, source := range []string{`src="http`, `src="//`, `rel="stylesheet" href="http`, `@import`} {
			require.NotContains(t, page, source)
		}
	})
}

func TestSwaggerTakesABase(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		answer := Anonymous(t, s).Get("/swagger?base=push.example.com").Want(http.StatusOK)
		require.True(t, json.Valid(answer.Body))
		require.Contains(t, string(answer.Body), "push.example.com")
	})
}

// What does not exist is a 404, also when only the method does not exist. Paths
// that begin as none of Gotify's do are topics, and refused in ntfy's language.
func TestUnknownPathOrMethod(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		c := NewPerson(t, s).Loose()
		for _, request := range []string{
			"GET /message/nothing/here", "GET /plugin", "GET /message/1", "PUT /message", "PATCH /client", "DELETE /health",
			"POST /version", "GET /client/1/elevate", "POST /application/1", "DELETE /stream", "PUT /auth/logout",
			"GET /application/1/security", "TRACE /message", "DELETE /current/user",
		} {
			method, path, _ := strings.Cut(request, " ")
			c.Do(method, path, nil).Refused(http.StatusNotFound, "page not found")
		}
		c.Do("HEAD", "/version", nil).Empty(http.StatusNotFound)
	})
}

func TestTrailingSlashIsRedirected(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		c := Anonymous(t, s)
		for _, path := range []string{"/version", "/message", "/current/user"} {
			answer := c.Get(path + "/?limit=3").Want(http.StatusMovedPermanently)
			require.True(t, strings.HasSuffix(answer.Header.Get("Location"), path+"?limit=3"), "%v", answer.Header)
		}
	})
}

// Clients that put a base with a slash before a path with a slash.
func TestDoubledSlash(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		sender := NewPerson(t, s).NewSender("doubled")
		sent := As[Message](sender.Post("//message", object{"message": "two slashes"}))
		require.Equal(t, "two slashes", sent.Message)
		Anonymous(t, s).Get("//version").Want(http.StatusOK)
	})
}

func TestOptionsWithoutOrigin(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		for _, path := range []string{"/message", "/client/1", "/stream"} {
			Anonymous(t, s).Do("OPTIONS", path, nil).Empty(http.StatusOK)
		}
	})
}

// Whoever serves what others wrote says that it is what it says it is.
func TestNoSniffing(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		for _, path := range []string{"/", "/docs", "/static/defaultapp.png", "/version"} {
			answer := Anonymous(t, s).Get(path).Want(http.StatusOK)
			require.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"), path)
		}
	})
}
