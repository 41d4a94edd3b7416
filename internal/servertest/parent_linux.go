// SPDX-License-Identifier: GPL-3.0-or-later

package servertest

import (
	"os/exec"
	"syscall"
)

// withParent lets the server end when the test process does, however that ends: a
// test that runs into its time limit cleans up nothing.
func withParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
