package transform

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// overhead is the memory that the process takes besides what scripts hold: its own, and slack since Go's heap grows by
// 64 MiB at a time.
const overhead = 256 << 20

// confine permanently gives up what scripts do not need: memory beyond their total limit, files, other programs, the
// network, and new privileges. It is called before the first script runs.
func confine(memory int64) error {
	// The first to be killed when the machine runs out of memory; some kernels lack this.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	held, err := dataSize()
	if err != nil {
		return err
	}
	for resource, most := range map[int]uint64{
		unix.RLIMIT_DATA:   uint64(held + memory + overhead + shadow),
		unix.RLIMIT_CORE:   0,
		unix.RLIMIT_FSIZE:  0,
		unix.RLIMIT_NOFILE: 64,
	} {
		if err := lower(resource, most); err != nil {
			return err
		}
	}
	return filter()
}

// lower lowers a limit of the process.
func lower(resource int, most uint64) error {
	var l unix.Rlimit
	if err := unix.Getrlimit(resource, &l); err != nil {
		return fmt.Errorf("read limit %d: %w", resource, err)
	}
	l.Cur, l.Max = min(l.Max, most), min(l.Max, most)
	if err := unix.Setrlimit(resource, &l); err != nil {
		return fmt.Errorf("lower limit %d: %w", resource, err)
	}
	return nil
}

// dataSize returns how much of what RLIMIT_DATA counts the process already uses: a program with Go's race detector has
// terabytes.
func dataSize() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		var kilobytes int64
		if n, _ := fmt.Sscanf(line, "VmData: %d kB", &kilobytes); n == 1 {
			return kilobytes << 10, nil
		}
	}
	return 0, errors.New("/proc/self/status has no VmData")
}

// filter has the kernel refuse every system call that Go does not need to compute, read and write. Without kernel
// support, or on a machine unknown to the library, there is no filter.
func filter() error {
	machine, err := arch.GetInfo("")
	if err != nil || !seccomp.Supported() {
		return nil
	}
	known := slices.DeleteFunc(slices.Clone(needed), func(name string) bool {
		_, ok := machine.SyscallNames[name]
		return !ok
	})
	own := []seccomp.Condition{{Argument: 0, Operation: seccomp.Equal, Value: uint64(os.Getpid())}}
	policy := seccomp.Policy{
		DefaultAction: seccomp.ActionErrno,
		Syscalls: []seccomp.SyscallGroup{{
			Action: seccomp.ActionAllow,
			Names:  known,
			NamesWithCondtions: []seccomp.NameWithConditions{
				{Name: "tgkill", Conditions: own}, // Go stops its own threads by signals
			},
		}},
	}
	err = seccomp.LoadFilter(seccomp.Filter{NoNewPrivs: true, Flag: seccomp.FilterFlagTSync, Policy: policy})
	if err != nil {
		return fmt.Errorf("filter system calls: %w", err)
	}
	return nil
}

// needed are the system calls that Go makes.
var needed = []string{
	"read", "write", "readv", "writev", "close", "fcntl", "fstat", "lseek",
	"futex", "futex_time64", "sched_yield", "sched_getaffinity", "getpid", "gettid", "clone", "clone3", "set_robust_list", "rseq", "exit", "exit_group",
	"mmap", "mmap2", "munmap", "mremap", "mprotect", "madvise", "mincore", "brk",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall", "arch_prctl",
	"timer_create", "timer_settime", "timer_delete", "setitimer",
	"nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday", "time",
	"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "eventfd2", "pipe2", "poll", "ppoll",
	"getrandom",
}
