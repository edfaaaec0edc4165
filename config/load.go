package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Load returns the settings of a server: the defaults, then the file, then the
// environment, checked by Validate.
//
// The file is path, which must exist; for "" it is ./config.yml or
// /etc/carillon/config.yml, whichever is found first, or none. environ holds
// "NAME=value" as os.Environ returns it: CARILLON_<PATH>, where a setting's path is
// in upper case with _ for dots, else GOTIFY_<PATH>, else what ntfy calls it when
// it is the same there; each also with _FILE, for a file that holds the value.
//
// The warnings tell of what was ignored. The error names every problem of the file
// and the environment, or else every problem that Validate found; with an error
// there are no settings.
func Load(path string, environ []string) (*Config, []string, error) {
	return load(path, []string{"config.yml", "/etc/carillon/config.yml"}, environ)
}

func load(path string, search, environ []string) (*Config, []string, error) {
	c := Default()
	fileErr := c.readFile(path, search)
	warnings, environmentErr := c.readEnvironment(environ)
	if err := errors.Join(fileErr, environmentErr); err != nil {
		return nil, warnings, err
	}
	c.normalize()
	if c.PassStrength != defaultPassStrength {
		warnings = append(warnings, "passstrength has no effect: passwords are stored as argon2id")
	}
	if err := c.Validate(); err != nil {
		return nil, warnings, err
	}
	return c, warnings, nil
}

// normalize gives values that may be spelt in several ways the one spelling that
// the rest of the program knows.
func (c *Config) normalize() {
	for _, word := range []*string{
		&c.Database.Dialect, &c.Auth.Elevation, &c.Access.Default, &c.Topics.AutoCreate, &c.LogLevel, &c.LogFormat,
	} {
		*word = strings.ToLower(strings.TrimSpace(*word))
	}
	synonyms := map[string]string{"sqlite": "sqlite3", "mariadb": "mysql", "postgresql": "postgres"}
	if name, ok := synonyms[c.Database.Dialect]; ok {
		c.Database.Dialect = name
	}
	if name, ok := permissions()[c.Access.Default]; ok {
		c.Access.Default = name
	}
	for _, address := range []*string{&c.Server.BaseURL, &c.Ntfy.Upstream.BaseURL} {
		*address = strings.TrimRight(*address, "/")
	}
	for _, address := range []*string{&c.Server.ListenAddr, &c.Server.SSL.ListenAddr} {
		if inner, ok := strings.CutPrefix(*address, "["); ok {
			*address = strings.TrimSuffix(inner, "]")
		}
	}
}

// readFile sets what the settings file says.
func (c *Config) readFile(path string, search []string) error {
	candidates, required := search, false
	if path != "" {
		candidates, required = []string{path}, true
	}
	for _, candidate := range candidates {
		text, err := readLimited(candidate)
		if errors.Is(err, fs.ErrNotExist) && !required {
			continue
		}
		if err != nil {
			return fmt.Errorf("settings file: %w", err)
		}
		c.Source.Path = candidate
		return c.readDocument(candidate, text)
	}
	return nil
}

// readLimited reads a file of at most maxDocumentBytes.
func readLimited(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxDocumentBytes+1))
	if err == nil && len(text) > maxDocumentBytes {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxDocumentBytes)
	}
	return text, err
}

// note remembers where a setting was given.
func (s *Source) note(path, place string) {
	if s.places == nil {
		s.places = map[string]string{}
	}
	s.places[path] = place
}
