package server

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The checks of the harness can fail.
func TestJudge(t *testing.T) {
	for log, bad := range map[string]bool{
		"all is well": false, "panic: nil pointer": true, "WARNING: DATA RACE": true, "GET /stream?token=Csecretsecret": true,
	} {
		s, p := &Server{secrets: []string{"Csecretsecret"}}, &process{}
		_, err := p.stderr.Write([]byte(log))
		require.NoError(t, err)
		require.Equal(t, bad, s.judge(p) != nil, log)
	}
}

func TestVariable(t *testing.T) {
	require.Equal(t, "CARILLON_SERVER_STREAM_PINGPERIODSECONDS", variable("server.stream.pingperiodseconds"))
}
