package broker

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
	"github.com/carillon-push/carillon/test/dialect"
)

func TestAttachmentsOnAFullDisk(t *testing.T) {
	s := newShelf(t, AttachmentLimits{})
	folder := s.Attachments.Folder
	require.NoError(t, os.Mkdir(folder, 0o700))
	if err := syscall.Mount("carillon-test", folder, "tmpfs", 0, "size=1m"); err != nil {
		dialect.NotRun(t, "mounting a small disk: "+err.Error()+" (it needs root)")
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(folder, 0)) })
	kept := s.stored("v", strings.Repeat("x", 600<<10))
	s.attach(kept)
	_, err := s.upload("v", strings.Repeat("x", 600<<10))
	requireKind(t, model.Unavailable, err)
	require.Equal(t, []string{kept.Token}, s.names())
	s.stored("v", strings.Repeat("x", 300<<10)) // what fits still does
}
