package broker

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/model"
)

// AttachmentLimits say where uploaded files are kept and how much of them. A
// limit of zero is no limit.
type AttachmentLimits struct {
	// Folder is where they are kept; "" turns uploads off. It is made when the
	// first file comes.
	Folder string
	// File, Visitor and Total are the most bytes of one file, of all files of a
	// visitor, and of all files.
	File, Visitor, Total int64
	// Expiry is how long a file is kept.
	Expiry time.Duration
}

// ErrNoAttachments refuses an upload where there are none.
var ErrNoAttachments = model.Errorf(model.Invalid, "attachments are not allowed on this server")

// Upload stores the content under a new token and returns f with its Token, Size
// and Expires; the caller has set the rest. The row is stored with the message
// (model.Draft.Upload); who does not come that far calls Discard.
//
// size is what the sender announced, or negative. An announced size that is too
// large is refused before a byte is read, an unknown one while reading. What is
// refused leaves nothing behind. Errors: TooLarge for every limit, ErrNoAttachments,
// Unavailable when the disk is full, and Invalid when the content could not be read,
// with the reader's error as its cause.
func (b *Broker) Upload(ctx context.Context, f model.File, size int64, content io.Reader) (*model.File, error) {
	if b.Attachments.Folder == "" {
		return nil, ErrNoAttachments
	}
	f.Token = auth.RandomName(fileTokenLength)
	u := b.attachments.begin(f.Token, f.Visitor)
	var err error
	if size > 0 {
		err = b.reserve(ctx, u, size, size)
	}
	if err == nil {
		f.Size, err = b.storeFile(ctx, u, content)
	}
	if err != nil {
		b.attachments.end(f.Token)
		return nil, err
	}
	b.attachments.arrived(u, f.Size, b.Now())
	f.Expires = b.Now().Add(b.Attachments.Expiry)
	return &f, nil
}

// storeFile writes the content to the folder: it appears whole and for good, or
// not at all.
func (b *Broker) storeFile(ctx context.Context, u *upload, content io.Reader) (size int64, err error) {
	if err := os.MkdirAll(b.Attachments.Folder, 0o700); err != nil {
		return 0, noRoom(err)
	}
	path := b.filePath(u.token)
	file, err := os.OpenFile(path+partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, noRoom(err)
	}
	defer func() {
		if err != nil {
			// What cannot be removed now, the sweep removes later.
			_ = os.Remove(path + partial)
			_ = os.Remove(path)
		}
	}()
	s := &sink{ctx: ctx, broker: b, upload: u, file: file}
	_, copied := io.Copy(s, content)
	if s.err == nil {
		s.err = noRoom(file.Sync())
	}
	if closed := noRoom(file.Close()); s.err == nil {
		s.err = closed
	}
	switch {
	case s.err != nil:
		return 0, s.err
	case copied != nil:
		return 0, model.Errorf(model.Invalid, "the file did not arrive").Because(copied)
	}
	if err := os.Rename(path+partial, path); err != nil {
		return 0, noRoom(err)
	}
	return s.size, noRoom(syncFolder(b.Attachments.Folder))
}

// sink takes the content of an upload as it comes.
type sink struct {
	ctx    context.Context
	broker *Broker
	upload *upload
	file   *os.File
	size   int64
	// err is why it takes no more; what a reader fails with is not in it.
	err error
}

func (s *sink) Write(p []byte) (n int, err error) {
	if gone := s.ctx.Err(); s.err == nil && gone != nil {
		s.err = model.Errorf(model.Unavailable, "the upload was given up").Because(gone)
	}
	if missing := s.size + int64(len(p)) - s.upload.reserved; s.err == nil && missing > 0 {
		// The next ones ask for more at once: each time costs a query.
		s.err = s.broker.reserve(s.ctx, s.upload, missing, max(missing, min(s.upload.reserved, reserveAtOnce)))
	}
	if s.err != nil {
		return 0, s.err
	}
	n, err = s.file.Write(p)
	s.size += int64(n)
	s.err = noRoom(err)
	return n, err
}

// Discard removes the file of an upload whose message was not published. A row that
// was stored all the same, after the sender had hung up, keeps its file; what cannot
// be decided now is left to the sweep.
func (b *Broker) Discard(f *model.File) {
	if f == nil || b.Attachments.Folder == "" || !isFileToken(f.Token) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), discardPatience)
	defer cancel()
	known, err := b.DB.KnownFiles(ctx, []string{f.Token})
	if err != nil || known[f.Token] {
		return
	}
	if err := b.removeFile(f.Token); err != nil {
		b.Log.Warn("an attachment nobody knows stays until the sweep", "error", err)
	}
	b.attachments.end(f.Token)
}

// discardPatience is how long the database may take to say whether a file is known.
const discardPatience = 5 * time.Second

// OpenFile returns an attachment and its content, which the caller closes. It
// fails with NotFound for a token that nobody has and for a file that has expired.
func (b *Broker) OpenFile(ctx context.Context, token string) (*model.File, *os.File, error) {
	if b.Attachments.Folder == "" || !isFileToken(token) {
		return nil, nil, noFile()
	}
	f, err := b.DB.FileByToken(ctx, token)
	if err != nil {
		return nil, nil, err
	}
	if !f.Expires.After(b.Now()) {
		return nil, nil, noFile()
	}
	content, err := os.Open(b.filePath(token))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, noFile().Because(err)
	case err != nil:
		return nil, nil, noRoom(err)
	}
	return f, content, nil
}

func noFile() *model.Error { return model.Errorf(model.NotFound, "there is no such file") }

const (
	// fileTokenLength is worth 166 bits.
	fileTokenLength = 28
	// partial ends the name of a file that is still arriving.
	partial = ".part"
)

// isFileToken reports whether the text has the exact shape of a file's token.
func isFileToken(text string) bool {
	if len(text) != fileTokenLength {
		return false
	}
	for _, r := range []byte(text) {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return false
		}
	}
	return true
}

func (b *Broker) filePath(token string) string { return filepath.Join(b.Attachments.Folder, token) }

// noRoom makes Unavailable of what the file system refuses, such as a full disk.
func noRoom(err error) error {
	if err == nil {
		return nil
	}
	return model.Errorf(model.Unavailable, "attachments are not available, try again later").Because(err).After(time.Minute)
}

// syncFolder makes a new name in the folder survive a loss of power.
func syncFolder(folder string) error {
	if runtime.GOOS == "windows" { // cannot, and need not
		return nil
	}
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
