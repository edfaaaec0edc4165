package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// fresh creates an empty database; drop takes it away again.
func (b *bench) fresh() (connection string, drop func() error, err error) {
	connection, drop, err = b.dialect.Create(b.dir)
	if err != nil {
		err = fmt.Errorf("creating a database on %s: %w", b.dialect.Name, err)
	}
	return connection, drop, err
}

// dropAll drops databases and adds what went wrong.
func dropAll(err *error, all ...func() error) {
	for _, drop := range all {
		*err = errors.Join(*err, drop())
	}
}

// person is somebody who uses a server's API.
type person struct {
	address        string
	name, password string
}

func admin(p *process) person {
	return person{address: p.address, name: adminName, password: adminPassword}
}

// application creates one and returns its id and token.
func (p person) application(ctx context.Context, name string) (id int64, token string, err error) {
	var made struct {
		ID    int64
		Token string
	}
	err = p.call(ctx, "/application", map[string]any{"name": name}, &made)
	return made.ID, made.Token, err
}

// client creates one and returns its token.
func (p person) client(ctx context.Context) (token string, err error) {
	var made struct{ Token string }
	err = p.call(ctx, "/client", map[string]any{"name": "bench"}, &made)
	return made.Token, err
}

// user creates another person.
func (p person) user(ctx context.Context, name string) (person, error) {
	other := person{address: p.address, name: name, password: "the password of " + name}
	return other, p.call(ctx, "/user", map[string]any{"name": other.name, "pass": other.password, "admin": false}, nil)
}

// call posts a JSON object and reads the answer into made, which may be nil.
func (p person) call(ctx context.Context, path string, body map[string]any, made any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.address+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.SetBasicAuth(p.name, p.password)
	client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err = io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("POST %s: %s: %s", path, answer.Status, text)
	}
	if err == nil && made != nil {
		err = json.Unmarshal(text, made)
	}
	return err
}
