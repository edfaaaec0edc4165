package broker

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

const (
	// orphanAge is how old a file without a row has to be for the sweep. Another
	// node that shares the folder may be about to store the row of a younger one.
	orphanAge = time.Hour
	// namesAtOnce bounds the memory of a sweep.
	namesAtOnce = 500
)

// SweepFiles deletes attachments that have expired or whose message is gone, and
// the files that a crash has left in the folder without a row. What does not have
// the exact name of an attachment stays, and so does an upload that is under way.
func (b *Broker) SweepFiles(ctx context.Context) error {
	failed := b.settle(ctx)
	for {
		tokens, err := b.DB.DeleteFiles(ctx, b.Now())
		if err != nil {
			return err
		}
		if len(tokens) == 0 {
			break
		}
		if b.Attachments.Folder == "" {
			continue
		}
		for _, token := range tokens {
			failed = errors.Join(failed, b.removeFile(token))
		}
	}
	if b.Attachments.Folder == "" {
		return failed
	}
	return errors.Join(failed, b.sweepFolder(ctx))
}

// removeFile removes what it can; what stays has no row and is found again.
func (b *Broker) removeFile(name string) error {
	err := os.Remove(b.filePath(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (b *Broker) sweepFolder(ctx context.Context) error {
	folder, err := os.Open(b.Attachments.Folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no file has come yet
	}
	if err != nil {
		return err
	}
	defer folder.Close() //nolint:errcheck // it is only read
	var failed error
	for {
		entries, err := folder.ReadDir(namesAtOnce)
		failed = errors.Join(failed, b.sweepEntries(ctx, entries))
		if err != nil || ctx.Err() != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return errors.Join(failed, err, ctx.Err())
		}
	}
}

func (b *Broker) sweepEntries(ctx context.Context, entries []fs.DirEntry) error {
	var failed error
	var whole []string
	for _, entry := range entries {
		token, arriving := strings.CutSuffix(entry.Name(), partial)
		// Whether it is under way is asked before its row is: once it has one, it is
		// not under way any more.
		if !isFileToken(token) || !b.isOld(entry) || b.attachments.underWay(token) {
			continue
		}
		if arriving {
			failed = errors.Join(failed, b.removeFile(entry.Name()))
		} else {
			whole = append(whole, token)
		}
	}
	known, err := b.DB.KnownFiles(ctx, whole)
	if err != nil {
		return errors.Join(failed, err)
	}
	for _, token := range whole {
		if !known[token] {
			failed = errors.Join(failed, b.removeFile(token))
		}
	}
	return failed
}

// isOld reports whether it is a file that was last written to long ago.
func (b *Broker) isOld(entry fs.DirEntry) bool {
	info, err := entry.Info()
	return err == nil && info.Mode().IsRegular() && b.Now().Sub(info.ModTime()) > orphanAge
}
