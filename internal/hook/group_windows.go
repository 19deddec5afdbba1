package hook

import (
	"os/exec"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"
)

// group is a job object that a program is put into: what the program starts is in
// it too, and ends with it.
type group struct {
	mu  sync.Mutex
	job windows.Handle
}

func (*group) prepare(*exec.Cmd) {}

// adopt puts the program into the job. Where that cannot be done, the program
// alone is ended later.
func (g *group) adopt(c *exec.Cmd) error {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	limits.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	if err == nil {
		err = assign(job, uint32(c.Process.Pid))
	}
	if err != nil {
		windows.CloseHandle(job)
		return nil
	}
	g.mu.Lock()
	g.job = job
	g.mu.Unlock()
	return nil
}

func assign(job windows.Handle, pid uint32) error {
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, pid)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(process)
	return windows.AssignProcessToJobObject(job, process)
}

// kill closes the job, which ends all that is in it.
func (g *group) kill(c *exec.Cmd) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.job != 0 {
		err := windows.CloseHandle(g.job)
		g.job = 0
		return err
	}
	if c.Process == nil {
		return nil
	}
	return c.Process.Kill()
}
