package gotify

import (
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/model"
)

// writeJSON answers with v. As in Gotify, the content type names no charset.
func writeJSON(c *gin.Context, code int, v any) {
	c.Header("Content-Type", jsonType)
	c.JSON(code, v)
}

const jsonType = "application/json"

// message is a message as Gotify's clients read it. No field but extras may ever
// be null or absent: the Android app relies on it.
type message struct {
	ID       int64           `json:"id"`
	AppID    int64           `json:"appid"`
	Message  string          `json:"message"`
	Title    string          `json:"title"`
	Priority int             `json:"priority"`
	Extras   json.RawMessage `json:"extras,omitempty"`
	Date     time.Time       `json:"date"`
}

// toMessage shows what was published in Gotify's language as it was sent, and
// translates the rest.
func toMessage(m *model.Message) message {
	w := message{
		ID: m.ID, AppID: m.ApplicationID, Message: m.Message, Title: m.Title,
		Priority: m.Priority, Extras: json.RawMessage(m.Extras), Date: m.Date,
	}
	if m.Details != nil {
		w.translate(m)
	}
	return w
}

// application is an application as its owner sees it, or with the last three
// fields and without a token as somebody sees it who may read it, too.
type application struct {
	ID              int64      `json:"id"`
	Token           string     `json:"token,omitempty"`
	Name            string     `json:"name"`
	Description     string     `json:"description"`
	Internal        bool       `json:"internal"`
	Image           string     `json:"image"`
	DefaultPriority int        `json:"defaultPriority"`
	CreatedAt       time.Time  `json:"createdAt"`
	LastUsed        *time.Time `json:"lastUsed"`
	SortKey         string     `json:"sortKey"`
	Topic           string     `json:"topic"`
	Shared          bool       `json:"shared,omitempty"`
	Owner           string     `json:"owner,omitempty"`
	CanWrite        *bool      `json:"canWrite,omitempty"`
}

// client is a client as its user sees it. Token is set when the client was just
// created, and for the client that asks.
type client struct {
	ID                            int64      `json:"id"`
	Token                         string     `json:"token,omitempty"`
	Name                          string     `json:"name"`
	CreatedAt                     time.Time  `json:"createdAt"`
	LastUsed                      *time.Time `json:"lastUsed"`
	ElevatedUntil                 *time.Time `json:"elevatedUntil,omitempty"`
	ExpiresAfterInactivitySeconds int64      `json:"expiresAfterInactivitySeconds"`
	ExpiresAt                     *time.Time `json:"expiresAt,omitempty"`
}

func toClient(c *model.Client, token string, now time.Time) client {
	w := client{
		ID: c.ID, Token: token, Name: c.Name, CreatedAt: c.CreatedAt, LastUsed: c.LastUsed,
		ExpiresAfterInactivitySeconds: c.ExpiresAfterInactivitySeconds,
	}
	if c.Elevated(now) {
		w.ElevatedUntil = c.ElevatedUntil
	}
	if at, ok := c.ExpiresAt(); ok {
		w.ExpiresAt = &at
	}
	return w
}

type user struct {
	ID        int64     `json:"id"`
	Name      string    `json:"name"`
	Admin     bool      `json:"admin"`
	CreatedAt time.Time `json:"createdAt"`
}

func toUser(u *model.User) user {
	return user{ID: u.ID, Name: u.Name, Admin: u.Admin, CreatedAt: u.CreatedAt}
}

// currentUser is a user with the client that the request came with.
type currentUser struct {
	user
	ClientID      int64      `json:"clientId,omitempty"`
	ElevatedUntil *time.Time `json:"elevatedUntil,omitempty"`
}

func toCurrentUser(u *model.User, c *model.Client, now time.Time) currentUser {
	w := currentUser{user: toUser(u)}
	if c != nil {
		w.ClientID = c.ID
		if c.Elevated(now) {
			w.ElevatedUntil = c.ElevatedUntil
		}
	}
	return w
}

// paged is a page of messages, newest first. Next is a path relative to the
// server's address, absent on the last page.
type paged struct {
	Paging   paging    `json:"paging"`
	Messages []message `json:"messages"`
}

type paging struct {
	Next  string `json:"next,omitempty"`
	Size  int    `json:"size"`
	Since int64  `json:"since"`
	Limit int    `json:"limit"`
}

// toPage makes a page of the messages; more tells that others follow, of which
// there may be some although the page is shorter than limit.
func toPage(path string, limit int, messages []*model.Message, more bool) paged {
	p := paged{Paging: paging{Limit: limit, Size: len(messages)}, Messages: make([]message, len(messages))}
	for i, m := range messages {
		p.Messages[i] = toMessage(m)
	}
	if more {
		p.Paging.Since = messages[len(messages)-1].ID
		query := url.Values{"limit": {strconv.Itoa(limit)}, "since": {strconv.FormatInt(p.Paging.Since, 10)}}
		p.Paging.Next = path + "?" + query.Encode()
	}
	return p
}
