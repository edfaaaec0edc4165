package openapi

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const file = `{"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": {"/thing/{id}": {"put": {
  "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}],
  "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
  "responses": {"200": {"description": "ok", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}}
}}}, "components": {"schemas": {"Thing": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}}}}`

// Every kind of difference is noticed.
func TestDifferences(t *testing.T) {
	path := filepath.Join(t.TempDir(), "openapi.json")
	require.NoError(t, os.WriteFile(path, []byte(file), 0o600))
	spec, err := Load(path)
	require.NoError(t, err)
	exchange := func(path, sent string, status int, got string) Exchange {
		request, err := http.NewRequest(http.MethodPut, "http://127.0.0.1:1"+path, nil)
		require.NoError(t, err)
		kind := http.Header{"Content-Type": {"application/json"}}
		request.Header = kind
		return Exchange{Request: request, RequestBody: []byte(sent), ResponseBody: []byte(got),
			Response: &http.Response{StatusCode: status, Header: kind, Request: request}}
	}
	right := exchange("/thing/1", `{"n":1}`, 200, `{"n":1}`)
	require.NoError(t, spec.CheckRequest(right))
	require.NoError(t, spec.CheckResponse(right))
	require.NoError(t, spec.CheckResponse(exchange("//thing/1", `{"n":1}`, 200, `{"n":1}`)))
	require.NoError(t, spec.CheckResponse(exchange("/not/described", "", 200, "x")))

	require.Error(t, spec.CheckRequest(exchange("/thing/x", `{"n":1}`, 200, "")))
	require.Error(t, spec.CheckRequest(exchange("/thing/1", `{"n":"1"}`, 200, "")))
	require.Error(t, spec.CheckRequest(exchange("/thing/1", "", 200, "")))
	require.Error(t, spec.CheckResponse(exchange("/thing/1", "", 200, `{"n":null}`)))
	require.Error(t, spec.CheckResponse(exchange("/thing/1", "", 200, `{}`)))
	require.Error(t, spec.CheckResponse(exchange("/thing/1", "", 201, `{"n":1}`)), "a status that is not described")

	require.NoError(t, spec.CheckValue("Thing", []byte(`{"n":12345678901234567890}`)))
	require.Error(t, spec.CheckValue("Thing", []byte(`{"n":1.5}`)))
	require.Error(t, spec.CheckValue("Nothing", []byte(`{}`)))
}
