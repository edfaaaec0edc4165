package database

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"gorm.io/gorm/schema"
)

// micros keeps times as microseconds since the Unix epoch, in integer columns.
// Native time columns differ between the databases in precision and time zone,
// and on MySQL depend on the connection string; an integer reads back as what
// was written, everywhere.
type micros struct{}

func registerMicros() { schema.RegisterSerializer("micros", micros{}) }

// Value implements schema.SerializerInterface for time.Time and *time.Time.
func (micros) Value(_ context.Context, _ *schema.Field, _ reflect.Value, value any) (any, error) {
	switch t := value.(type) {
	case time.Time:
		return t.UnixMicro(), nil
	case *time.Time:
		if t == nil {
			return nil, nil //nolint:nilnil // it is NULL in the database
		}
		return t.UnixMicro(), nil
	default:
		return nil, fmt.Errorf("micros: not a time: %T", value)
	}
}

// Scan implements schema.SerializerInterface.
func (micros) Scan(ctx context.Context, field *schema.Field, dst reflect.Value, value any) error {
	target := field.ReflectValueOf(ctx, dst)
	if value == nil {
		target.SetZero()
		return nil
	}
	n, ok := value.(int64)
	if !ok {
		return fmt.Errorf("micros: column %s holds %T", field.DBName, value)
	}
	t := time.UnixMicro(n).UTC()
	if target.Kind() == reflect.Pointer {
		target.Set(reflect.ValueOf(&t))
		return nil
	}
	target.Set(reflect.ValueOf(t))
	return nil
}

// column returns t as it is kept, for updates that name their columns.
func column(t *time.Time) any {
	if t == nil {
		return nil
	}
	return t.UnixMicro()
}
