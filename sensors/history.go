// SPDX-License-Identifier: GPL-3.0-or-later

package sensors

import (
	"context"
	"database/sql"
	"math"
	"time"
)

// schema has the steps of the tables of package sensors.
var schema = []string{`
	CREATE TABLE readings(
		probe   TEXT NOT NULL,    -- the kernel's id
		minute  INTEGER NOT NULL, -- since 1970
		celsius REAL NOT NULL,
		PRIMARY KEY(probe, minute)
	) STRICT, WITHOUT ROWID;
	CREATE INDEX readings_minute ON readings(minute)`,
}

const (
	recentSpan = 24 * time.Hour
	recentMax  = 48 // values of Reading.Recent
)

// A point is the value of one minute.
type point struct {
	minute  int64
	celsius float64
}

func minuteOf(t time.Time) int64 { return t.Unix() / 60 }

// add brings the newest value into the points of the last day.
func add(list []point, p point) []point {
	if n := len(list); n > 0 && list[n-1].minute >= p.minute {
		list[n-1].celsius = p.celsius
		return list
	}
	list = append(list, p)
	first := 0
	for p.minute-list[first].minute > int64(recentSpan/time.Minute) {
		first++
	}
	return list[first:]
}

// trend is the slope of the last hour in kelvins an hour, by least squares; NaN
// if less than ten minutes are known.
func trend(list []point, now time.Time) float64 {
	var n, sx, sy, sxx, sxy float64
	var first, last int64
	end := minuteOf(now)
	for _, p := range list {
		if end-p.minute > 60 {
			continue
		}
		if n == 0 {
			first = p.minute
		}
		last = p.minute
		x := float64(p.minute-end) / 60
		n, sx, sy, sxx, sxy = n+1, sx+x, sy+p.celsius, sxx+x*x, sxy+x*p.celsius
	}
	if n < 5 || last-first < 10 || end-last > 10 {
		return math.NaN()
	}
	return (n*sxy - sx*sy) / (n*sxx - sx*sx)
}

// recent thins the points of the last day out to at most recentMax values.
func recent(list []point, now time.Time) []float64 {
	end := minuteOf(now)
	for len(list) > 0 && end-list[0].minute > int64(recentSpan/time.Minute) {
		list = list[1:]
	}
	if len(list) == 0 {
		return nil
	}
	width := max((end-list[0].minute)/recentMax+1, 1)
	var out []float64
	for i := 0; i < len(list); {
		slot := (list[i].minute - list[0].minute) / width
		sum, n := 0.0, 0
		for ; i < len(list) && (list[i].minute-list[0].minute)/width == slot; i++ {
			sum, n = sum+list[i].celsius, n+1
		}
		out = append(out, sum/float64(n))
	}
	return out
}

// loadDay reads the points of the last day of one probe.
func loadDay(ctx context.Context, db *sql.DB, id string, now time.Time) ([]point, error) {
	rows, err := db.QueryContext(ctx, "SELECT minute, celsius FROM readings WHERE probe = ? AND minute >= ? ORDER BY minute",
		id, minuteOf(now.Add(-recentSpan)))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []point
	for rows.Next() {
		var p point
		if err := rows.Scan(&p.minute, &p.celsius); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, rows.Err()
}

// saveMinute writes one value of each probe, in one transaction.
func saveMinute(ctx context.Context, db *sql.DB, values map[string]point) error {
	if len(values) == 0 {
		return nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // harmless after Commit
	for id, p := range values {
		_, err := tx.ExecContext(ctx, `INSERT INTO readings(probe, minute, celsius) VALUES(?, ?, ?)
			ON CONFLICT(probe, minute) DO UPDATE SET celsius = excluded.celsius`, id, p.minute, p.celsius)
		if err != nil {
			return err
		}
	}
	return tx.Commit()
}

func pruneHistory(ctx context.Context, db *sql.DB, before time.Time) error {
	_, err := db.ExecContext(ctx, "DELETE FROM readings WHERE minute < ?", minuteOf(before))
	return err
}
