package broker

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

var (
	testLimits = ImageLimits{Bytes: 1 << 20, Pixels: 4 << 20}
	red        = color.NRGBA{R: 220, A: 255}
	green      = color.NRGBA{G: 200, A: 255}
	blue       = color.NRGBA{B: 240, A: 255}
	yellow     = color.NRGBA{R: 230, G: 220, A: 255}
)

// quarters is a picture with one colour in each corner.
func quarters(width, height int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := red
			switch {
			case x >= width/2 && y >= height/2:
				c = yellow
			case x >= width/2:
				c = green
			case y >= height/2:
				c = blue
			}
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, m))
	return b.Bytes()
}

func jpegOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}))
	return b.Bytes()
}

func gifOf(t testing.TB, width, height int, frames ...*image.Paletted) []byte {
	t.Helper()
	g := &gif.GIF{Image: frames, Delay: make([]int, len(frames)), Config: image.Config{Width: width, Height: height}}
	var b bytes.Buffer
	require.NoError(t, gif.EncodeAll(&b, g))
	return b.Bytes()
}

func frame(bounds image.Rectangle, c color.Color) *image.Paletted {
	return image.NewPaletted(bounds, color.Palette{c, color.Black})
}

// chunk is one chunk of a RIFF file.
func chunk(id string, data []byte) []byte {
	b := append([]byte(id), binary.LittleEndian.AppendUint32(nil, uint32(len(data)))...)
	b = append(b, data...)
	if len(data)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

func webpOf(chunks ...[]byte) []byte {
	return chunk("RIFF", append([]byte("WEBP"), bytes.Join(chunks, nil)...))
}

// losslessChunk is a VP8L picture of one colour: each of its five codes has a
// single symbol, so that the pixels take no bits at all, whatever the size.
func losslessChunk(width, height int, c color.NRGBA) []byte {
	var data []byte
	var acc uint64
	var have uint
	put := func(value uint64, bits uint) {
		acc |= value << have
		for have += bits; have >= 8; have -= 8 {
			data = append(data, byte(acc))
			acc >>= 8
		}
	}
	put(0x2f, 8)
	put(uint64(width-1), 14)
	put(uint64(height-1), 14)
	put(1, 1) // alpha is used
	put(0, 3) // version
	put(0, 3) // no transform, no colour cache, no meta codes
	for _, symbol := range []byte{c.G, c.R, c.B, c.A} {
		put(0b101, 3) // simple code, one symbol, of eight bits
		put(uint64(symbol), 8)
	}
	put(0b0001, 4) // distance: simple code, one symbol, of one bit: 0
	put(0, 7)
	return chunk("VP8L", data)
}

func extendedChunk(width, height int) []byte {
	size := func(n int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(n-1))[:3] }
	return chunk("VP8X", bytes.Join([][]byte{{0, 0, 0, 0}, size(width), size(height)}, nil))
}

// withSegment puts a segment behind the start of a JPEG.
func withSegment(raw []byte, marker byte, payload []byte) []byte {
	head := append([]byte{0xff, 0xd8, 0xff, marker}, binary.BigEndian.AppendUint16(nil, uint16(len(payload)+2))...)
	return bytes.Join([][]byte{head, payload, raw[2:]}, nil)
}

func exif(order binary.AppendByteOrder, orientation uint16) []byte {
	b := []byte("Exif\x00\x00MM\x00*")
	if order == binary.AppendByteOrder(binary.LittleEndian) {
		b = []byte("Exif\x00\x00II*\x00")
	}
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 2)
	for _, entry := range [][2]uint16{{0x0100, 40}, {0x0112, orientation}} {
		b = order.AppendUint16(b, entry[0])
		b = order.AppendUint16(b, 3)
		b = order.AppendUint32(b, 1)
		b = order.AppendUint16(b, entry[1])
		b = order.AppendUint16(b, 0)
	}
	return order.AppendUint32(b, 0)
}

// pngHeader is a PNG that claims a size and ends behind its header.
func pngHeader(width, height uint32) []byte {
	body := binary.BigEndian.AppendUint32([]byte("IHDR"), width)
	body = binary.BigEndian.AppendUint32(body, height)
	body = append(body, 8, 6, 0, 0, 0)
	b := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	b = append(b, body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(body))
}

func normalized(t *testing.T, raw []byte) (image.Image, string, string) {
	t.Helper()
	data, extension, err := NormalizeImage(bytes.NewReader(raw), testLimits)
	require.NoError(t, err)
	m, format, err := image.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	return m, format, extension
}

func requireColour(t *testing.T, want color.NRGBA, got color.Color) {
	t.Helper()
	have := color.NRGBAModel.Convert(got).(color.NRGBA)
	for _, pair := range [][2]uint8{{want.R, have.R}, {want.G, have.G}, {want.B, have.B}, {want.A, have.A}} {
		require.InDelta(t, pair[0], pair[1], 24, "want %v, got %v", want, have)
	}
}

// lossyWebP is a white picture of one pixel as VP8, for which there is no encoder here.
const lossyWebP = "UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAwA0JaQAA3AA/vuUAAA="

func TestNormalizeImageFormats(t *testing.T) {
	lossy, err := base64.StdEncoding.DecodeString(lossyWebP)
	require.NoError(t, err)
	translucent := image.NewNRGBA(image.Rect(0, 0, 3, 3))
	translucent.SetNRGBA(1, 1, color.NRGBA{R: 200, A: 100})
	deep := image.NewNRGBA64(image.Rect(0, 0, 4, 4))
	deep.Set(0, 0, green)
	for name, c := range map[string]struct {
		raw       []byte
		extension string
		width     int
		at        image.Point
		want      color.NRGBA
	}{
		"png":              {pngOf(t, quarters(40, 20)), ".png", 40, image.Pt(39, 0), green},
		"png with alpha":   {pngOf(t, translucent), ".png", 3, image.Pt(1, 1), color.NRGBA{R: 200, A: 100}},
		"png of 16 bits":   {pngOf(t, deep), ".png", 4, image.Pt(0, 0), green},
		"jpeg":             {jpegOf(t, quarters(64, 32)), ".jpg", 64, image.Pt(60, 30), yellow},
		"grey jpeg":        {jpegOf(t, image.NewGray(image.Rect(0, 0, 9, 9))), ".jpg", 9, image.Pt(5, 5), color.NRGBA{A: 255}},
		"gif":              {gifOf(t, 7, 5, frame(image.Rect(0, 0, 7, 5), blue)), ".png", 7, image.Pt(6, 4), blue},
		"lossless webp":    {webpOf(losslessChunk(30, 10, red)), ".png", 30, image.Pt(29, 9), red},
		"extended webp":    {webpOf(extendedChunk(30, 10), losslessChunk(30, 10, red)), ".png", 30, image.Pt(29, 9), red},
		"lossy webp":       {lossy, ".png", 1, image.Pt(0, 0), color.NRGBA{R: 255, G: 255, B: 255, A: 255}},
		"first frame":      {gifOf(t, 4, 4, frame(image.Rect(0, 0, 4, 4), red), frame(image.Rect(0, 0, 4, 4), blue)), ".png", 4, image.Pt(2, 2), red},
		"frame in a part":  {gifOf(t, 9, 9, frame(image.Rect(3, 3, 6, 6), red)), ".png", 9, image.Pt(4, 4), red},
		"around that part": {gifOf(t, 9, 9, frame(image.Rect(3, 3, 6, 6), red)), ".png", 9, image.Pt(1, 1), color.NRGBA{}},
	} {
		t.Run(name, func(t *testing.T) {
			m, format, extension := normalized(t, c.raw)
			require.Equal(t, c.extension, extension)
			require.Equal(t, map[string]string{".png": "png", ".jpg": "jpeg"}[extension], format)
			require.Equal(t, c.width, m.Bounds().Dx())
			requireColour(t, c.want, m.At(c.at.X, c.at.Y))
		})
	}
}

func TestNormalizeImageFits(t *testing.T) {
	for _, c := range []struct{ width, height, wantWidth, wantHeight int }{
		{1, 1, 1, 1},
		{10, 300, 10, 300},
		{512, 512, 512, 512},
		{513, 513, 512, 512},
		{1024, 512, 512, 256},
		{500, 1000, 256, 512},
		{1000, 333, 512, 170},
		{16384, 1, 512, 1},
		{2, 16384, 1, 512},
	} {
		t.Run(fmt.Sprintf("%dx%d", c.width, c.height), func(t *testing.T) {
			m, _, _ := normalized(t, pngOf(t, quarters(c.width, c.height)))
			require.Equal(t, image.Rect(0, 0, c.wantWidth, c.wantHeight), m.Bounds())
		})
	}
	m, _, _ := normalized(t, pngOf(t, quarters(1000, 600)))
	requireColour(t, red, m.At(10, 10))
	requireColour(t, green, m.At(500, 10))
	requireColour(t, blue, m.At(10, 300))
	requireColour(t, yellow, m.At(500, 300))
}

func TestNormalizeImageTurnsUpright(t *testing.T) {
	fits, tooLarge := jpegOf(t, quarters(64, 32)), jpegOf(t, quarters(640, 320))
	// The colours of the corners top left, top right, bottom left, bottom right
	// that a viewer sees, for a file whose rows hold red green / blue yellow.
	for orientation, want := range map[uint16][4]color.NRGBA{
		1: {red, green, blue, yellow},
		2: {green, red, yellow, blue},
		3: {yellow, blue, green, red},
		4: {blue, yellow, red, green},
		5: {red, blue, green, yellow},
		6: {blue, red, yellow, green},
		7: {yellow, green, blue, red},
		8: {green, yellow, red, blue},
		9: {red, green, blue, yellow}, // not in the standard: left alone
	} {
		for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
			for _, raw := range [][]byte{fits, tooLarge} {
				t.Run(fmt.Sprintf("%d %v %d", orientation, order, len(raw)), func(t *testing.T) {
					m, _, extension := normalized(t, withSegment(raw, 0xe1, exif(order, orientation)))
					require.Equal(t, ".jpg", extension)
					w, h := m.Bounds().Dx(), m.Bounds().Dy()
					if orientation >= 5 && orientation <= 8 {
						require.Equal(t, 2*w, h)
					} else {
						require.Equal(t, 2*h, w)
					}
					requireColour(t, want[0], m.At(4, 4))
					requireColour(t, want[1], m.At(w-5, 4))
					requireColour(t, want[2], m.At(4, h-5))
					requireColour(t, want[3], m.At(w-5, h-5))
				})
			}
		}
	}
}

func TestNormalizeImageKeepsPixelsOnly(t *testing.T) {
	const secret = "<script>alert(1)</script>"
	plainPNG := pngOf(t, quarters(8, 8))
	text := append([]byte("tEXt"), []byte("Comment\x00"+secret)...)
	body := binary.BigEndian.AppendUint32(nil, uint32(len(text)-4))
	body = binary.BigEndian.AppendUint32(append(body, text...), crc32.ChecksumIEEE(text))
	const headerEnd = 8 + 25
	for name, raw := range map[string][]byte{
		"png text":     bytes.Join([][]byte{plainPNG[:headerEnd], body, plainPNG[headerEnd:]}, nil),
		"png tail":     append(bytes.Clone(plainPNG), secret...),
		"jpeg comment": withSegment(jpegOf(t, quarters(8, 8)), 0xfe, []byte(secret)),
		"jpeg exif":    withSegment(jpegOf(t, quarters(8, 8)), 0xe1, append(exif(binary.BigEndian, 1), secret...)),
		"jpeg tail":    append(jpegOf(t, quarters(8, 8)), secret...),
		"gif tail":     append(gifOf(t, 4, 4, frame(image.Rect(0, 0, 4, 4), red)), secret...),
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, string(raw), secret)
			data, _, err := NormalizeImage(bytes.NewReader(raw), testLimits)
			require.NoError(t, err)
			require.NotContains(t, string(data), secret)
		})
	}
}

func TestNormalizeImageRefuses(t *testing.T) {
	const notImage = "file must be an image"
	plainPNG := pngOf(t, quarters(300, 200))
	plainJPEG := jpegOf(t, quarters(300, 200))
	plainGIF := gifOf(t, 90, 90, frame(image.Rect(0, 0, 90, 90), red))
	plainWebP := webpOf(losslessChunk(30, 10, red))
	broken := bytes.Clone(plainPNG)
	broken[len(broken)/2] ^= 0xff
	manyScans := bytes.Join([][]byte{
		{0xff, 0xd8, 0xff, 0xc2, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0},
		bytes.Repeat([]byte{0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0, 0x55}, maxImageScans+1),
		{0xff, 0xd9},
	}, nil)
	for name, c := range map[string]struct {
		raw  []byte
		want string
	}{
		"nothing":               {nil, notImage},
		"text":                  {[]byte("hello"), notImage},
		"svg":                   {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), notImage},
		"bmp":                   {[]byte("BM\x46\x00\x00\x00\x00\x00\x00\x00\x36\x00"), notImage},
		"html behind a png":     {append(plainPNG[:8:8], "<html>"...), notImage},
		"html behind a gif":     {[]byte("GIF89a\x04\x00\x04\x00\x00\x00\x00<script>alert(1)</script>"), notImage},
		"png magic alone":       {plainPNG[:8], notImage},
		"png cut":               {plainPNG[:len(plainPNG)/2], notImage},
		"png broken":            {broken, notImage},
		"jpeg cut":              {plainJPEG[:len(plainJPEG)/2], notImage},
		"jpeg magic alone":      {plainJPEG[:3], notImage},
		"gif cut":               {plainGIF[:len(plainGIF)/2], notImage},
		"gif without pixels":    {[]byte("GIF89a\x00\x00\x00\x00\x00\x00\x00;"), notImage},
		"webp cut":              {plainWebP[:len(plainWebP)-6], notImage},
		"webp without picture":  {webpOf(extendedChunk(4, 4)), notImage},
		"webp larger than said": {webpOf(extendedChunk(4, 4), losslessChunk(5, 4, red)), notImage},
		"png bomb":              {pngHeader(16000, 16000), "image must not have more than 4194304 pixels"},
		"wide png bomb":         {pngHeader(16385, 1), "image must not be wider or higher than 16384 pixels"},
		"huge png bomb":         {pngHeader(1<<31-1, 1<<31-1), "file must be an image"},
		"webp bomb":             {webpOf(losslessChunk(16384, 16384, red)), "image must not have more than 4194304 pixels"},
		"jpeg of many scans":    {manyScans, "image must not have more than 50 scans"},
	} {
		t.Run(name, func(t *testing.T) {
			data, extension, err := NormalizeImage(bytes.NewReader(c.raw), testLimits)
			var e *model.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, model.Invalid, e.Kind)
			require.Equal(t, c.want, e.Message)
			require.Nil(t, data)
			require.Empty(t, extension)
		})
	}
}

func TestNormalizeImageLimitsBytes(t *testing.T) {
	raw := pngOf(t, quarters(20, 20))
	exact := ImageLimits{Bytes: int64(len(raw)), Pixels: 400}
	_, _, err := NormalizeImage(bytes.NewReader(raw), exact)
	require.NoError(t, err)

	_, _, err = NormalizeImage(bytes.NewReader(append(raw, 0)), exact)
	require.Equal(t, model.TooLarge, model.KindOf(err))

	// A body without an end is not read on.
	_, _, err = NormalizeImage(io.MultiReader(bytes.NewReader(raw), endless{}), exact)
	require.Equal(t, model.TooLarge, model.KindOf(err))

	_, _, err = NormalizeImage(bytes.NewReader(raw), ImageLimits{Bytes: exact.Bytes, Pixels: 399})
	require.Equal(t, model.Invalid, model.KindOf(err))

	_, _, err = NormalizeImage(bytes.NewReader(raw), ImageLimits{})
	require.Equal(t, model.TooLarge, model.KindOf(err))
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestNormalizeImagePassesReadErrors(t *testing.T) {
	gone := errors.New("connection lost")
	_, _, err := NormalizeImage(iotest.ErrReader(gone), testLimits)
	require.ErrorIs(t, err, gone)
	require.Equal(t, model.Invalid, model.KindOf(err))
}

func TestNormalizeImageStopsPanics(t *testing.T) {
	format := imageFormat{
		config: func(io.Reader) (image.Config, error) { return image.Config{Width: 1, Height: 1}, nil },
		decode: func(io.Reader) (image.Image, error) { panic("index out of range") },
	}
	_, _, err := format.normalize(nil, 1)
	require.Equal(t, model.Invalid, model.KindOf(err))
	require.ErrorContains(t, err, "index out of range")
}

func TestInspectJPEG(t *testing.T) {
	plain := jpegOf(t, quarters(32, 32))
	orientation, scans := inspectJPEG(plain)
	require.Equal(t, 1, orientation)
	require.Equal(t, 1, scans)

	// A thumbnail within a segment is no scan of the picture.
	_, scans = inspectJPEG(withSegment(plain, 0xe1, plain))
	require.Equal(t, 1, scans)

	whole := withSegment(plain, 0xe1, exif(binary.BigEndian, 6))
	for end := range len(whole) {
		_, scans = inspectJPEG(whole[:end])
		require.LessOrEqual(t, scans, 1)
	}
	for name, segment := range map[string]string{
		"short":              "Exif\x00\x00MM\x00*",
		"directory far away": "Exif\x00\x00MM\x00*\xff\xff\xff\xff",
		"entries missing":    "Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x09",
		"other":              "http://ns.adobe.com/xap/1.0/\x00",
	} {
		require.Zero(t, exifOrientation([]byte(segment)), name)
	}
}

func FuzzNormalizeImage(f *testing.F) {
	lossy, err := base64.StdEncoding.DecodeString(lossyWebP)
	require.NoError(f, err)
	for _, seed := range [][]byte{
		pngOf(f, quarters(20, 10)),
		jpegOf(f, quarters(20, 10)),
		withSegment(jpegOf(f, quarters(20, 10)), 0xe1, exif(binary.LittleEndian, 6)),
		gifOf(f, 9, 9, frame(image.Rect(3, 3, 6, 6), red)),
		webpOf(losslessChunk(600, 10, red)),
		webpOf(extendedChunk(30, 10), losslessChunk(30, 10, red)),
		lossy,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		data, extension, err := NormalizeImage(bytes.NewReader(raw), ImageLimits{Bytes: 1 << 16, Pixels: 1 << 18})
		if err != nil {
			require.Contains(t, []model.Kind{model.Invalid, model.TooLarge}, model.KindOf(err), err)
			// A panic that was stopped is still a defect to look at.
			require.NotContains(t, err.Error(), "panic")
			return
		}
		header, format, err := image.DecodeConfig(bytes.NewReader(data))
		require.NoError(t, err)
		require.Equal(t, extension, map[string]string{"png": ".png", "jpeg": ".jpg"}[format])
		require.LessOrEqual(t, header.Width, storedImageSide)
		require.LessOrEqual(t, header.Height, storedImageSide)
	})
}
