package remote

import (
	"context"
	"time"
)

// TakeForTest is take.
func (b *Budgets) TakeForTest(ctx context.Context, l Limit, patience time.Duration) (time.Duration, error) {
	return b.take(ctx, l, patience)
}
