package gotify

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// pingTimeout is how long the database may take to answer a health check.
const pingTimeout = 3 * time.Second

type health struct {
	Health   string `json:"health"`
	Database string `json:"database"`
}

func (f *Face) health(c *gin.Context) error {
	ctx, cancel := context.WithTimeout(c.Request.Context(), pingTimeout)
	defer cancel()
	if err := f.Reader.Ping(ctx); err != nil {
		c.JSON(http.StatusInternalServerError, health{Health: "orange", Database: "red"})
		return nil
	}
	c.JSON(http.StatusOK, health{Health: "green", Database: "green"})
	return nil
}

type version struct {
	Version   string `json:"version"`
	Commit    string `json:"commit"`
	BuildDate string `json:"buildDate"`
}

func (f *Face) version(c *gin.Context) error {
	writeJSON(c, http.StatusOK, version{Version: f.Build.Version, Commit: f.Build.Commit, BuildDate: f.Build.Date})
	return nil
}

type info struct {
	Version  string `json:"version"`
	Register bool   `json:"register"`
	OIDC     bool   `json:"oidc"`
}

func (f *Face) info(c *gin.Context) error {
	writeJSON(c, http.StatusOK, info{Version: f.Build.Version, Register: f.Auth.Registration})
	return nil
}
