package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// environment is the variables that may concern us: those with one of our prefixes.
type environment struct {
	values map[string]string
	// services are the prefixes of the variables that Kubernetes injects for its
	// services.
	services []string
}

func newEnvironment(environ []string) environment {
	e := environment{
		values: map[string]string{},
		// A service that is named like the program is taken for granted, also
		// when only a part of its variables is there.
		services: []string{ownPrefix, gotifyPrefix, ntfyPrefix},
	}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if prefixOf(name) == "" {
			continue
		}
		// As in the operating system, the first of several entries counts.
		if _, ok := e.values[name]; !ok {
			e.values[name] = value
		}
	}
	for name := range e.values {
		service, ok := strings.CutSuffix(name, "SERVICE_HOST")
		if _, both := e.values[service+"SERVICE_PORT"]; ok && both && !slices.Contains(e.services, service) {
			e.services = append(e.services, service)
		}
	}
	return e
}

// prefixOf returns which of the prefixes of settings a variable has, or "".
func prefixOf(name string) string {
	for _, prefix := range []string{ownPrefix, gotifyPrefix, ntfyPrefix} {
		if strings.HasPrefix(name, prefix) {
			return prefix
		}
	}
	return ""
}

// names returns the names of all variables, in order.
func (e environment) names() []string { return slices.Sorted(maps.Keys(e.values)) }

// injected reports whether Kubernetes sets a variable of this name in every
// container because of a service. Source: Kubernetes, "Accessing the Service".
func (e environment) injected(name string) bool {
	for _, service := range e.services {
		rest, ok := strings.CutPrefix(name, service)
		if !ok {
			continue
		}
		port, isPort := strings.CutPrefix(rest, "PORT_")
		if rest == "PORT" || strings.HasPrefix(rest, "SERVICE_") || isPort && port != "" && port[0] >= '0' && port[0] <= '9' {
			return true
		}
	}
	return false
}

// dropInjected removes a variable that has the name of a setting and was injected
// for a service, such as CARILLON_SERVER_PORT=tcp://10.0.0.1:80 for a service
// named carillon-server, and returns a warning about it.
func (e environment) dropInjected(name string) string {
	if !e.injected(name) || !strings.Contains(e.values[name], "://") {
		return ""
	}
	delete(e.values, name)
	return name + ": looks like what Kubernetes injects for a service, ignored"
}

// lookup returns the text of a setting's variable, or of the file that the variable
// with _FILE names, and which of both it was.
func (e environment) lookup(name string) (text, place string, ok bool, err error) {
	text, ok = e.values[name]
	path, inFile := e.values[name+fileSuffix]
	if !inFile {
		return text, name, ok, nil
	}
	place = name + fileSuffix
	if ok {
		return "", "", false, fmt.Errorf("%s: set together with %s; only one of both may be", place, name)
	}
	if path == "" {
		return "", "", false, fmt.Errorf("%s: names no file", place)
	}
	content, err := readLimited(path)
	if err != nil {
		return "", "", false, fmt.Errorf("%s: %w", place, err)
	}
	return strings.TrimRight(string(content), "\r\n"), place, true, nil
}
