package broker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"

	"github.com/carillon-push/carillon/model"
)

const (
	// maxImageSide is the most pixels a side of an uploaded image may have.
	maxImageSide = 16384
	// storedImageSide is the most pixels a side of a stored image has.
	storedImageSide = 512
	// storedImageQuality is the quality of a stored JPEG, of 100.
	storedImageQuality = 85
	// maxImageScans bounds how often a JPEG may go over its whole surface. A
	// progressive image needs about ten scans; a hostile one holds a hundred
	// thousand scans of a few bytes, and each costs the time of the full size.
	maxImageScans = 50
)

// ImageLimits bounds what NormalizeImage will decode. Zero allows nothing.
type ImageLimits struct {
	// Bytes is the most bytes of the file.
	Bytes int64
	// Pixels is the most pixels of the image, width times height. Decoding may
	// take up to 16 bytes of memory for each.
	Pixels int64
}

// NormalizeImage checks an image by decoding it and returns it re-encoded
// within 512x512 px, with the extension (".png" or ".jpg") that fits the data.
//
// It reads PNG, JPEG, GIF (the first frame) and WebP and tells them by their
// content. A smaller image is never enlarged, and the aspect ratio is kept. The
// result holds pixels only: whatever else the file carried is gone, after a
// JPEG's EXIF orientation has been applied.
//
// Errors are of kind TooLarge when r holds more than limits.Bytes, and Invalid
// when the file cannot be read, is no image, or has too many pixels.
func NormalizeImage(r io.Reader, limits ImageLimits) (data []byte, extension string, err error) {
	raw, err := io.ReadAll(io.LimitReader(r, limits.Bytes+1))
	if err != nil {
		return nil, "", model.Errorf(model.Invalid, "file could not be read").Because(err)
	}
	if int64(len(raw)) > limits.Bytes {
		return nil, "", model.Errorf(model.TooLarge, "image must not be larger than %d bytes", limits.Bytes)
	}
	format, ok := imageFormatOf(raw)
	if !ok {
		return nil, "", notAnImage(errors.New("unknown format"))
	}
	return format.normalize(raw, limits.Pixels)
}

func notAnImage(cause error) error {
	return model.Errorf(model.Invalid, "file must be an image").Because(cause)
}

// imageFormat is how images of one kind are read.
type imageFormat struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
	// lossy says that a stored image stays a JPEG.
	lossy bool
}

// imageFormatOf tells the format by the first bytes. It is not left to
// image.Decode, whose formats depend on what else the program imports.
func imageFormatOf(raw []byte) (imageFormat, bool) {
	switch {
	case bytes.HasPrefix(raw, []byte("\x89PNG\r\n\x1a\n")):
		return imageFormat{config: png.DecodeConfig, decode: png.Decode}, true
	case bytes.HasPrefix(raw, []byte("\xff\xd8\xff")):
		return imageFormat{config: jpeg.DecodeConfig, decode: jpeg.Decode, lossy: true}, true
	case bytes.HasPrefix(raw, []byte("GIF87a")), bytes.HasPrefix(raw, []byte("GIF89a")):
		return imageFormat{config: gif.DecodeConfig, decode: gif.Decode}, true
	case len(raw) >= 15 && string(raw[:4]) == "RIFF" && string(raw[8:15]) == "WEBPVP8":
		return imageFormat{config: webp.DecodeConfig, decode: webp.Decode}, true
	}
	return imageFormat{}, false
}

// normalize decodes, fits and encodes the image. The decoders parse hostile
// input: a defect in one of them must cost this request its answer and nobody
// else anything, so a panic ends here.
func (f imageFormat) normalize(raw []byte, pixels int64) (data []byte, extension string, err error) {
	defer func() {
		if p := recover(); p != nil {
			data, extension, err = nil, "", notAnImage(fmt.Errorf("panic while decoding: %v", p))
		}
	}()
	picture, err := f.decodeWithin(raw, pixels)
	if err != nil {
		return nil, "", err
	}
	orientation := 1
	if f.lossy {
		orientation, _ = inspectJPEG(raw)
	}
	return encodeImage(fitImage(picture, orientation), f.lossy)
}

// decodeWithin decodes the image after its header has shown that it is small
// enough: a file of a few bytes may unfold into gigabytes.
func (f imageFormat) decodeWithin(raw []byte, pixels int64) (image.Image, error) {
	header, err := f.config(bytes.NewReader(raw))
	if err != nil {
		return nil, notAnImage(err)
	}
	if header.Width <= 0 || header.Height <= 0 {
		return nil, notAnImage(errors.New("no pixels"))
	}
	if header.Width > maxImageSide || header.Height > maxImageSide {
		return nil, model.Errorf(model.Invalid, "image must not be wider or higher than %d pixels", maxImageSide)
	}
	if int64(header.Width)*int64(header.Height) > pixels {
		return nil, model.Errorf(model.Invalid, "image must not have more than %d pixels", pixels)
	}
	if f.lossy {
		if _, scans := inspectJPEG(raw); scans > maxImageScans {
			return nil, model.Errorf(model.Invalid, "image must not have more than %d scans", maxImageScans)
		}
	}
	picture, err := f.decode(bytes.NewReader(raw))
	if err != nil {
		return nil, notAnImage(err)
	}
	canvas := image.Rect(0, 0, header.Width, header.Height)
	if picture.Bounds() == canvas {
		return picture, nil
	}
	// The first frame of a GIF may cover a part of the canvas only.
	whole := image.NewNRGBA(canvas)
	draw.Draw(whole, picture.Bounds(), picture, picture.Bounds().Min, draw.Src)
	return whole, nil
}

// fitImage scales the image down until both sides fit, and turns it upright.
func fitImage(picture image.Image, orientation int) image.Image {
	width, height := picture.Bounds().Dx(), picture.Bounds().Dy()
	longest := max(width, height)
	if longest <= storedImageSide && orientation == 1 {
		return picture
	}
	if longest > storedImageSide {
		width = max(1, (width*storedImageSide+longest/2)/longest)
		height = max(1, (height*storedImageSide+longest/2)/longest)
	}
	fitted := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.CatmullRom.Scale(fitted, fitted.Rect, picture, picture.Bounds(), draw.Src, nil)
	return turnImage(fitted, orientation)
}

// turnImage applies an EXIF orientation: 2 to 4 mirror or turn by 180 degrees, 5
// to 8 also swap the sides.
func turnImage(src *image.RGBA, orientation int) *image.RGBA {
	if orientation == 1 {
		return src
	}
	width, height := src.Rect.Dx(), src.Rect.Dy()
	swap := orientation >= 5
	mirrorX := orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8
	mirrorY := orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7
	bounds := image.Rect(0, 0, width, height)
	if swap {
		bounds = image.Rect(0, 0, height, width)
	}
	dst := image.NewRGBA(bounds)
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			fromX, fromY := x, y
			if swap {
				fromX, fromY = y, x
			}
			if mirrorX {
				fromX = width - 1 - fromX
			}
			if mirrorY {
				fromY = height - 1 - fromY
			}
			dst.SetRGBA(x, y, src.RGBAAt(fromX, fromY))
		}
	}
	return dst
}

func encodeImage(picture image.Image, lossy bool) (data []byte, extension string, err error) {
	var out bytes.Buffer
	if opaque, ok := picture.(interface{ Opaque() bool }); lossy && ok && opaque.Opaque() {
		if err := jpeg.Encode(&out, picture, &jpeg.Options{Quality: storedImageQuality}); err != nil {
			return nil, "", fmt.Errorf("encode JPEG: %w", err)
		}
		return out.Bytes(), ".jpg", nil
	}
	if err := png.Encode(&out, picture); err != nil {
		return nil, "", fmt.Errorf("encode PNG: %w", err)
	}
	return out.Bytes(), ".png", nil
}

// inspectJPEG walks over the segments of a JPEG and returns its EXIF orientation
// (1 to 8; 1, upright, when there is none) and its number of scans. It follows
// the decoder's rules for skipping between segments, so that both see the same.
func inspectJPEG(raw []byte) (orientation, scans int) {
	const (
		endOfImage  = 0xd9
		startOfScan = 0xda
		app1        = 0xe1
	)
	orientation = 1
	for at := 2; at+4 <= len(raw); {
		if raw[at] != 0xff || raw[at+1] == 0xff {
			at++
			continue
		}
		marker := raw[at+1]
		if marker == 0 || marker >= 0xd0 && marker <= 0xd7 {
			// An escaped byte or a restart marker within a scan's data.
			at += 2
			continue
		}
		size := int(binary.BigEndian.Uint16(raw[at+2:]))
		if marker == endOfImage || size < 2 {
			break
		}
		end := min(at+2+size, len(raw))
		switch marker {
		case startOfScan:
			scans++
		case app1:
			if found := exifOrientation(raw[at+4 : end]); found != 0 && orientation == 1 {
				orientation = found
			}
		}
		at = end
	}
	return orientation, scans
}

// exifOrientation returns the orientation that an APP1 segment holds, 0 when it
// holds none. Source: Exif 2.32, sections 4.5 and 4.6.4.
func exifOrientation(segment []byte) int {
	tiff, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00"))
	if !ok || len(tiff) < 8 {
		return 0
	}
	var order binary.ByteOrder = binary.BigEndian
	if string(tiff[:2]) == "II" {
		order = binary.LittleEndian
	}
	const (
		entrySize      = 12
		orientationTag = 0x0112
		shortType      = 3
	)
	directory := int64(order.Uint32(tiff[4:]))
	if directory+2 > int64(len(tiff)) {
		return 0
	}
	entries := tiff[directory+2:]
	for range order.Uint16(tiff[directory:]) {
		if len(entries) < entrySize {
			return 0
		}
		if order.Uint16(entries) == orientationTag && order.Uint16(entries[2:]) == shortType {
			if value := int(order.Uint16(entries[8:])); value >= 1 && value <= 8 {
				return value
			}
			return 0
		}
		entries = entries[entrySize:]
	}
	return 0
}
