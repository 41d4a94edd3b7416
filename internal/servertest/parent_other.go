// SPDX-License-Identifier: GPL-3.0-or-later

//go:build !linux

package servertest

import "os/exec"

func withParent(*exec.Cmd) {}
