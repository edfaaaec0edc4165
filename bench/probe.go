package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/model"
)

const probeCommand = "probe"

// draft and stored are a message on its way in and out, as in Gotify's API.
type draft struct {
	Title    string          `json:"title"`
	Message  string          `json:"message"`
	Priority *int            `json:"priority"`
	Extras   json.RawMessage `json:"extras"`
}

type stored struct {
	ID       int64           `json:"id"`
	AppID    int64           `json:"appid"`
	Message  string          `json:"message"`
	Title    string          `json:"title"`
	Priority int             `json:"priority"`
	Extras   json.RawMessage `json:"extras,omitempty"`
	Date     time.Time       `json:"date"`
}

// probe is the limit that the server's posts are compared with: the same group
// commit and the same JSON behind a bare net/http handler. It checks nobody,
// limits nothing, and nobody listens.
func probe(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet(probeCommand, flag.ContinueOnError)
	dialect := flags.String("dialect", database.DialectSQLite, "")
	connection := flags.String("connection", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	db, err := database.Open(ctx, database.Options{Dialect: *dialect, Connection: *connection})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	application, err := firstApplication(ctx, db)
	if err != nil {
		return err
	}
	keys := model.NewKeys()
	return listen(ctx, func(w http.ResponseWriter, r *http.Request) error {
		d, err := readDraft(r)
		if err != nil {
			return err
		}
		now := model.Now()
		m := &model.Message{
			Key: keys.Next(now), ApplicationID: application.ID, UserID: application.UserID,
			Title: d.Title, Message: d.Message, Priority: *d.Priority, Extras: string(d.Extras), Date: now,
		}
		if err := db.CreateMessage(r.Context(), m); err != nil {
			return err
		}
		return answer(w, m)
	})
}

// firstApplication creates what a message must belong to.
func firstApplication(ctx context.Context, db *database.DB) (*model.Application, error) {
	u := &model.User{Name: "probe", CreatedAt: model.Now()}
	if err := db.CreateUser(ctx, u); err != nil {
		return nil, err
	}
	a := &model.Application{UserID: u.ID, TokenHash: make([]byte, 32), TokenSealed: []byte{0}, Name: "probe", CreatedAt: model.Now()}
	return a, db.CreateApplication(ctx, a)
}

func readDraft(r *http.Request) (d draft, err error) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &d)
	}
	if err == nil && d.Priority == nil {
		err = errors.New("priority is missing")
	}
	return d, err
}

func answer(w http.ResponseWriter, m *model.Message) error {
	text, err := encode(m)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, err = w.Write(text)
	return err
}

func encode(m *model.Message) ([]byte, error) {
	return json.Marshal(stored{
		ID: m.ID, AppID: m.ApplicationID, Message: m.Message, Title: m.Title,
		Priority: m.Priority, Extras: json.RawMessage(m.Extras), Date: m.Date,
	})
}

// listen serves on any port of 127.0.0.1 until ctx ends, and says where.
func listen(ctx context.Context, handle func(http.ResponseWriter, *http.Request) error) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := handle(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	fmt.Printf("listening on http://%s\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
