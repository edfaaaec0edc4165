package broker

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/model"
)

// shelf is a world with room for attachments, and an application to publish them.
type shelf struct {
	*world
	who         *model.Identity
	application *model.Application
	now         time.Time
}

func newShelf(t *testing.T, limits AttachmentLimits) *shelf {
	t.Helper()
	s := &shelf{world: newWorld(t, Limits{}), now: model.Now()}
	limits.Folder, limits.Expiry = filepath.Join(t.TempDir(), "attachments"), 3*time.Hour
	s.Attachments = limits
	s.Now = func() time.Time { return s.now }
	s.who = s.newPerson("alice")
	s.application = s.newApplication(s.who, ApplicationEdit{Name: "camera"})
	return s
}

// upload stores a file of unknown size.
func (s *shelf) upload(visitor, content string) (*model.File, error) {
	return s.Upload(s.t.Context(), model.File{Name: "a.txt", Type: "text/plain", Visitor: visitor}, -1, strings.NewReader(content))
}

func (s *shelf) stored(visitor, content string) *model.File {
	s.t.Helper()
	f, err := s.upload(visitor, content)
	require.NoError(s.t, err)
	return f
}

// attach publishes a message with the file.
func (s *shelf) attach(f *model.File) *model.Message {
	s.t.Helper()
	return s.publish(s.who, model.Draft{ApplicationID: s.application.ID, Message: "look", Details: &model.Details{}, Upload: f})
}

// names returns what lies in the folder.
func (s *shelf) names() []string {
	s.t.Helper()
	entries, err := os.ReadDir(s.Attachments.Folder)
	if !errors.Is(err, fs.ErrNotExist) {
		require.NoError(s.t, err)
	}
	names := []string{}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// age makes a file of the folder look as if it was written long ago.
func (s *shelf) age(name string) {
	s.t.Helper()
	then := s.now.Add(-2 * time.Hour)
	require.NoError(s.t, os.Chtimes(filepath.Join(s.Attachments.Folder, name), then, then))
}

func (s *shelf) put(name string) {
	s.t.Helper()
	require.NoError(s.t, os.WriteFile(filepath.Join(s.Attachments.Folder, name), []byte("x"), 0o600))
	s.age(name)
}

func (s *shelf) sweep() {
	s.t.Helper()
	require.NoError(s.t, s.SweepFiles(s.t.Context()))
}

func (s *shelf) read(token string) (*model.File, string, error) {
	f, content, err := s.OpenFile(s.t.Context(), token)
	if err != nil {
		return nil, "", err
	}
	defer content.Close()
	text, err := io.ReadAll(content)
	return f, string(text), err
}

func TestAttachment(t *testing.T) {
	s := newShelf(t, AttachmentLimits{File: 100, Visitor: 1000, Total: 1000})
	f := s.stored("visitor", "hello")
	require.Regexp(t, `^[0-9A-Za-z]{28}$`, f.Token)
	require.Equal(t, &model.File{Token: f.Token, Visitor: "visitor", Name: "a.txt", Type: "text/plain", Size: 5, Expires: s.now.Add(3 * time.Hour)}, f)

	_, _, err := s.read(f.Token)
	requireKind(t, model.NotFound, err) // there is no message yet
	m := s.attach(f)
	s.Discard(f) // by who did not hear that it was published
	row, text, err := s.read(f.Token)
	require.NoError(t, err)
	require.Equal(t, "hello", text)
	require.Equal(t, m.Key, row.MessageKey)
	require.Equal(t, f.Expires, row.Expires)

	require.Equal(t, []string{f.Token}, s.names())
	folder, err := os.Stat(s.Attachments.Folder)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o700), folder.Mode().Perm())
	file, err := os.Stat(filepath.Join(s.Attachments.Folder, f.Token))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), file.Mode().Perm())

	for _, token := range []string{"", "x", f.Token[1:], f.Token + "0", auth.RandomName(28), "../" + f.Token[3:], f.Token[:22] + ".part", f.Token[:27] + "\x00"} {
		_, _, err := s.read(token)
		requireKind(t, model.NotFound, err)
	}
	s.now = f.Expires
	_, _, err = s.read(f.Token)
	requireKind(t, model.NotFound, err)
}

func TestAttachmentsAreOff(t *testing.T) {
	s := newShelf(t, AttachmentLimits{})
	f := s.stored("visitor", "hello")
	s.attach(f)
	s.Attachments.Folder = ""
	_, err := s.upload("visitor", "hello")
	require.ErrorIs(t, err, ErrNoAttachments)
	_, _, err = s.read(f.Token)
	requireKind(t, model.NotFound, err)
	s.sweep()
	s.Discard(f)
}

// untouched fails the test when it is read.
type untouched struct{ t *testing.T }

func (u untouched) Read([]byte) (int, error) {
	u.t.Error("it was read")
	return 0, io.EOF
}

func TestAnnouncedSizesAreCheckedFirst(t *testing.T) {
	for what, limits := range map[string]AttachmentLimits{
		"file": {File: 9}, "visitor": {Visitor: 9}, "total": {Total: 9},
	} {
		t.Run(what, func(t *testing.T) {
			s := newShelf(t, limits)
			for _, size := range []int64{10, 1 << 30, 1<<63 - 1} {
				_, err := s.Upload(t.Context(), model.File{Visitor: "v"}, size, untouched{t})
				requireKind(t, model.TooLarge, err)
			}
			require.Empty(t, s.names())
			f, err := s.Upload(t.Context(), model.File{Visitor: "v"}, 9, strings.NewReader("123456789"))
			require.NoError(t, err)
			require.EqualValues(t, 9, f.Size)
		})
	}
}

func TestUnknownSizesAreCheckedWhileReading(t *testing.T) {
	large := strings.Repeat("x", 3<<20)
	for what, limits := range map[string]AttachmentLimits{
		"file": {File: 3 << 20}, "visitor": {Visitor: 3 << 20}, "total": {Total: 3 << 20},
	} {
		t.Run(what, func(t *testing.T) {
			s := newShelf(t, limits)
			_, err := s.upload("v", large+"x")
			requireKind(t, model.TooLarge, err)
			require.Empty(t, s.names())
			// Also when less was announced than comes.
			_, err = s.Upload(t.Context(), model.File{Visitor: "v"}, 10, strings.NewReader(large+"x"))
			requireKind(t, model.TooLarge, err)
			require.Empty(t, s.names())

			f := s.stored("v", large)
			require.EqualValues(t, 3<<20, f.Size)
			_, err = s.upload("v", "x")
			if what == "file" {
				require.NoError(t, err)
				return
			}
			requireKind(t, model.TooLarge, err)
			s.attach(f)
			_, err = s.upload("v", "x")
			requireKind(t, model.TooLarge, err)
		})
	}
}

func TestUploadsUnderWayTakeRoom(t *testing.T) {
	s := newShelf(t, AttachmentLimits{Visitor: 100, Total: 150})
	content, pipe := io.Pipe()
	ended := make(chan *model.File)
	go func() {
		f, err := s.Upload(t.Context(), model.File{Visitor: "v"}, 60, content)
		if err != nil {
			t.Error(err)
		}
		ended <- f
	}()
	_, err := pipe.Write([]byte("x")) // returns when it has been read: the room is taken
	require.NoError(t, err)
	_, err = s.Upload(t.Context(), model.File{Visitor: "v"}, 41, untouched{t})
	requireKind(t, model.TooLarge, err)
	_, err = s.Upload(t.Context(), model.File{Visitor: "w"}, 91, untouched{t})
	requireKind(t, model.TooLarge, err)
	other := s.stored("w", strings.Repeat("x", 90))
	_, err = s.upload("v", "x")
	requireKind(t, model.TooLarge, err)
	s.Discard(other)
	s.Discard(other)
	s.Discard(nil)

	// It is shorter than was announced.
	require.NoError(t, pipe.Close())
	first := <-ended
	require.EqualValues(t, 1, first.Size)
	second := s.stored("v", strings.Repeat("x", 99))
	_, err = s.upload("v", "x")
	requireKind(t, model.TooLarge, err)
	// What has a row is not counted twice.
	s.attach(first)
	s.Discard(second)
	require.Equal(t, []string{first.Token}, s.names())
	s.stored("v", strings.Repeat("x", 99))
}

func TestManyUploadsKeepTheLimit(t *testing.T) {
	s := newShelf(t, AttachmentLimits{Visitor: 100})
	var group sync.WaitGroup
	for range 40 {
		group.Go(func() {
			f, err := s.upload("v", "0123456789")
			if err != nil {
				if model.KindOf(err) != model.TooLarge {
					t.Error(err)
				}
				return
			}
			_, err = s.Publish(t.Context(), s.who, model.Draft{ApplicationID: s.application.ID, Message: "look", Details: &model.Details{}, Upload: f})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	size, _, err := s.DB.FileSizes(t.Context(), "v")
	require.NoError(t, err)
	require.EqualValues(t, 100, size)
	require.Len(t, s.names(), 10)
	s.sweep()
	require.Empty(t, s.attachments.uploads)
	require.Len(t, s.names(), 10)
}

// An upload that gets its row after the sums were read, and is forgotten before they
// are used, is in neither of them.
func TestSumsThatAreOutOfDateDecideNothing(t *testing.T) {
	s := newShelf(t, AttachmentLimits{Visitor: 10})
	settled, _ := s.attachments.state()
	before := room{settled: settled}
	s.attach(s.stored("v", "0123456789"))
	require.NoError(t, s.settle(t.Context()))
	u := s.attachments.begin("token", "v")
	granted, refused := s.attachments.grant(s.Attachments, u, 1, 1, before)
	require.Zero(t, granted)
	require.Nil(t, refused)
	requireKind(t, model.TooLarge, s.reserve(t.Context(), u, 1, 1))
}

func TestAnUploadThatBreaksLeavesNothing(t *testing.T) {
	s := newShelf(t, AttachmentLimits{Visitor: 10})
	broken := errors.New("the line broke")
	content, pipe := io.Pipe()
	go func() {
		_, _ = pipe.Write([]byte("0123456789"))
		_ = pipe.CloseWithError(broken)
	}()
	_, err := s.Upload(t.Context(), model.File{Visitor: "v"}, 10, content)
	requireKind(t, model.Invalid, err)
	require.ErrorIs(t, err, broken)
	require.Empty(t, s.names())
	s.stored("v", "0123456789") // its room is free again
}

func TestSweepFiles(t *testing.T) {
	s := newShelf(t, AttachmentLimits{})
	stays, deleted := s.stored("v", "stays"), s.stored("v", "deleted")
	s.attach(stays)
	m := s.attach(deleted)
	s.age(stays.Token)
	s.age(deleted.Token)
	require.NoError(t, s.DeleteMessage(t.Context(), s.who.User.ID, m.ID))
	arrived := s.stored("v", "its row is about to be stored")
	s.age(arrived.Token)
	content, pipe := io.Pipe()
	ended := make(chan error)
	go func() {
		_, err := s.Upload(t.Context(), model.File{Visitor: "v"}, -1, content)
		ended <- err
	}()
	_, err := pipe.Write([]byte("arriving"))
	require.NoError(t, err)
	arriving := ""
	for _, name := range s.names() {
		if strings.HasSuffix(name, partial) {
			arriving = name
		}
	}
	s.age(arriving)

	orphan, torn, young := auth.RandomName(28), auth.RandomName(28)+partial, auth.RandomName(28)
	s.put(orphan)
	s.put(torn)
	s.put(young)
	require.NoError(t, os.Chtimes(filepath.Join(s.Attachments.Folder, young), s.now, s.now))
	foreign := []string{
		"README.md", partial, auth.RandomName(27), auth.RandomName(29), auth.RandomName(28) + ".bak", auth.RandomName(27) + "-", auth.RandomName(28) + partial + partial,
	}
	for _, name := range foreign {
		s.put(name)
	}
	folder, link := auth.RandomName(28), auth.RandomName(28)
	require.NoError(t, os.Mkdir(filepath.Join(s.Attachments.Folder, folder), 0o700))
	s.age(folder)
	require.NoError(t, os.Symlink(filepath.Join(s.Attachments.Folder, "README.md"), filepath.Join(s.Attachments.Folder, link)))

	s.sweep()
	require.ElementsMatch(t, append(foreign, stays.Token, arrived.Token, arriving, young, folder, link), s.names())
	_, _, err = s.read(deleted.Token)
	requireKind(t, model.NotFound, err)
	s.attach(arrived)
	_, text, err := s.read(arrived.Token)
	require.NoError(t, err)
	require.Equal(t, "its row is about to be stored", text)

	require.NoError(t, pipe.Close())
	require.NoError(t, <-ended)
	s.now = s.now.Add(3 * time.Hour)
	s.sweep() // everything has expired, and who uploaded the last one never published it
	require.ElementsMatch(t, append(foreign, folder, link), s.names())
	known, err := s.DB.KnownFiles(t.Context(), []string{stays.Token, arrived.Token, deleted.Token})
	require.NoError(t, err)
	require.Empty(t, known)
}

func TestSweepBeforeTheFirstFile(t *testing.T) {
	s := newShelf(t, AttachmentLimits{})
	s.sweep()
	require.NoDirExists(t, s.Attachments.Folder)
}

func TestAFolderThatCannotBeWritten(t *testing.T) {
	s := newShelf(t, AttachmentLimits{})
	require.NoError(t, os.WriteFile(s.Attachments.Folder, nil, 0o600)) // a file is in its place
	_, err := s.upload("v", "x")
	requireKind(t, model.Unavailable, err)
}
