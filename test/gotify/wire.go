package gotify

import "encoding/json"

// Message is a message on the wire. Date stays a string, because it has to be
// the same string wherever the message is seen; Extras stays as it was written.
type Message struct {
	ID       int64           `json:"id"`
	AppID    int64           `json:"appid"`
	Message  string          `json:"message"`
	Title    string          `json:"title"`
	Priority int64           `json:"priority"`
	Extras   json.RawMessage `json:"extras,omitempty"`
	Date     string          `json:"date"`
}

// Page is one page of messages.
type Page struct {
	Paging struct {
		Next  string `json:"next"`
		Size  int    `json:"size"`
		Since int64  `json:"since"`
		Limit int    `json:"limit"`
	} `json:"paging"`
	Messages []Message `json:"messages"`
}

// Application is an application on the wire.
type Application struct {
	ID              int64   `json:"id"`
	Token           string  `json:"token"`
	Name            string  `json:"name"`
	Description     string  `json:"description"`
	Internal        bool    `json:"internal"`
	Image           string  `json:"image"`
	DefaultPriority int64   `json:"defaultPriority"`
	CreatedAt       string  `json:"createdAt"`
	LastUsed        *string `json:"lastUsed"`
	SortKey         string  `json:"sortKey"`
}

// Client is a client on the wire.
type Client struct {
	ID                            int64   `json:"id"`
	Token                         string  `json:"token"`
	Name                          string  `json:"name"`
	CreatedAt                     string  `json:"createdAt"`
	LastUsed                      *string `json:"lastUsed"`
	ElevatedUntil                 *string `json:"elevatedUntil"`
	ExpiresAfterInactivitySeconds int64   `json:"expiresAfterInactivitySeconds"`
	ExpiresAt                     *string `json:"expiresAt"`
}

// User is a user on the wire. ClientID and ElevatedUntil are only told by
// GET /current/user and by a login.
type User struct {
	ID            int64   `json:"id"`
	Name          string  `json:"name"`
	Admin         bool    `json:"admin"`
	CreatedAt     string  `json:"createdAt"`
	ClientID      *int64  `json:"clientId"`
	ElevatedUntil *string `json:"elevatedUntil"`
}

// Refusal is the body of every error.
type Refusal struct {
	Error       string `json:"error"`
	Code        int    `json:"errorCode"`
	Description string `json:"errorDescription"`
}
