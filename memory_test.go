package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCollectorPercent(t *testing.T) {
	require.Equal(t, 400, collectorPercent(0))
	require.Equal(t, 160, collectorPercent(10<<20))
	require.Equal(t, 25, collectorPercent(100<<20))
	require.Equal(t, 25, collectorPercent(1<<30))
	require.Positive(t, aliveBytes())
}
