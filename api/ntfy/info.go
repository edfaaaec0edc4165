package ntfy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/model"
)

const (
	// pingTimeout is how long the database may take to answer a health check.
	pingTimeout = 3 * time.Second
	// maxBody is how long a JSON body may be, in bytes: ntfy's number.
	maxBody = 128 << 10
)

// writeJSON answers with v, with a newline at its end as ntfy has it.
func writeJSON(c *gin.Context, status int, v any) error {
	var body bytes.Buffer
	if err := json.NewEncoder(&body).Encode(v); err != nil {
		return err
	}
	c.Data(status, "application/json", body.Bytes())
	return nil
}

type success struct {
	Success bool `json:"success"`
}

// done answers a change that has nothing else to tell.
func done(c *gin.Context, err error) error {
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, success{true})
}

// readBody decodes the JSON body of a request. An empty one leaves into as it is,
// where that is allowed.
func readBody(c *gin.Context, into any, mayBeEmpty bool) error {
	body, err := readSome(c.Request.Body, maxBody+1)
	switch {
	case len(body) > maxBody, model.KindOf(err) == model.TooLarge:
		return failuref(41303, "")
	case err != nil:
		return err
	}
	body = bytes.TrimSpace(body)
	if len(body) == 0 && mayBeEmpty {
		return nil
	}
	if len(body) == 0 || body[0] != '{' {
		return failuref(40024, "a JSON object is expected")
	}
	if err := json.Unmarshal(body, into); err != nil {
		return failuref(40024, "%.200s", err.Error())
	}
	return nil
}

type health struct {
	Healthy bool `json:"healthy"`
}

func (f *Face) health(c *gin.Context) error {
	ctx, cancel := context.WithTimeout(c.Request.Context(), pingTimeout)
	defer cancel()
	if err := f.Reader.Ping(ctx); err != nil {
		return writeJSON(c, http.StatusServiceUnavailable, health{})
	}
	return writeJSON(c, http.StatusOK, health{true})
}

// configuration is what ntfy's web app wants to know of a server. What it would
// offer for money, or needs another service for, is not there.
type configuration struct {
	BaseURL            string   `json:"base_url"`
	AppRoot            string   `json:"app_root"`
	EnableLogin        bool     `json:"enable_login"`
	RequireLogin       bool     `json:"require_login"`
	EnableSignup       bool     `json:"enable_signup"`
	EnablePayments     bool     `json:"enable_payments"`
	EnableCalls        bool     `json:"enable_calls"`
	EnableEmails       bool     `json:"enable_emails"`
	EnableEmailVerify  bool     `json:"enable_email_verify"`
	EnableReservations bool     `json:"enable_reservations"`
	EnableWebPush      bool     `json:"enable_web_push"`
	BillingContact     string   `json:"billing_contact"`
	WebPushPublicKey   string   `json:"web_push_public_key"`
	DisallowedTopics   []string `json:"disallowed_topics"`
	// ConfigHash changes when anything else does.
	ConfigHash string `json:"config_hash"`
}

func (f *Face) configuration(c *gin.Context) error {
	told := configuration{BaseURL: f.address(c), AppRoot: "/", EnableLogin: true, DisallowedTopics: []string{}}
	text, err := json.Marshal(told)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(append(text, f.Version...))
	told.ConfigHash = hex.EncodeToString(sum[:])
	c.Header("Cache-Control", "no-cache")
	return writeJSON(c, http.StatusOK, told)
}

type version struct {
	Version string `json:"version"`
}

func (f *Face) version(c *gin.Context) error {
	if err := f.requireAdmin(c); err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, version{f.Version})
}
