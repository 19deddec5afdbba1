//go:build windows

package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// openGuard is empty: os.Root opens without following reparse points.
const openGuard = 0

// Virus scanners, indexers and backup programs open files without sharing
// them for moments; 40 tries 50 ms apart are the two seconds others settled on.
const (
	sharingTries = 40
	sharingPause = 50 * time.Millisecond
)

// writeRights are the rights by which someone could put a file into a
// directory, take one out, or give himself the right to.
const writeRights = windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA | fileDeleteChild |
	windows.WRITE_DAC | windows.WRITE_OWNER | windows.GENERIC_WRITE | windows.GENERIC_ALL

// fileDeleteChild is FILE_DELETE_CHILD of winnt.h, which x/sys does not name.
const fileDeleteChild = 0x40

// inspect judges the opened directory. The refusal is for writing only, the
// error for any use.
func inspect(handle *os.File, path string) (refusal, err error) {
	descriptor, err := windows.GetSecurityInfo(windows.Handle(handle.Fd()), windows.SE_FILE_OBJECT,
		windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return nil, fmt.Errorf("read the security descriptor of directory %s: %w", path, err)
	}
	owner, _, err := descriptor.Owner()
	if err != nil {
		return nil, fmt.Errorf("read the owner of directory %s: %w", path, err)
	}
	if err := checkWriters(descriptor, path); err != nil {
		return nil, err
	}
	token := windows.GetCurrentProcessToken()
	user, err := token.GetTokenUser()
	if err != nil {
		return nil, fmt.Errorf("read the user of this process: %w", err)
	}
	if owner.Equals(user.User.Sid) {
		return nil, nil
	}
	foreign := &OwnerError{Path: path, Owner: owner.String(), User: user.User.Sid.String()}
	if !owner.IsWellKnown(windows.WinBuiltinAdministratorsSid) && !owner.IsWellKnown(windows.WinLocalSystemSid) {
		return nil, foreign
	}
	// What an elevated process creates belongs to the group Administrators,
	// so for such a process that group is the user itself.
	if owner.IsWellKnown(windows.WinBuiltinAdministratorsSid) && token.IsElevated() {
		return nil, nil
	}
	return foreign, nil
}

// checkWriters refuses a directory that a group which anyone may belong to
// can write.
func checkWriters(descriptor *windows.SECURITY_DESCRIPTOR, path string) error {
	acl, _, err := descriptor.DACL()
	if errors.Is(err, windows.ERROR_OBJECT_NOT_FOUND) || (err == nil && acl == nil) {
		return &UnsafeDirError{Path: path, Who: "Everyone"} // no DACL at all means full access for all
	}
	if err != nil {
		return fmt.Errorf("read the access list of directory %s: %w", path, err)
	}
	for i := range uint32(acl.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(acl, i, &ace); err != nil {
			return fmt.Errorf("read the access list of directory %s: %w", path, err)
		}
		if ace.Header.AceType != windows.ACCESS_ALLOWED_ACE_TYPE ||
			ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0 || ace.Mask&writeRights == 0 {
			continue
		}
		sid := (*windows.SID)(unsafe.Pointer(&ace.SidStart))
		if isPublic(sid) {
			return &UnsafeDirError{Path: path, Who: "*" + sid.String()} // the form that icacls takes
		}
	}
	return nil
}

func isPublic(sid *windows.SID) bool {
	for _, group := range []windows.WELL_KNOWN_SID_TYPE{
		windows.WinWorldSid, windows.WinAuthenticatedUserSid, windows.WinBuiltinUsersSid,
		windows.WinBuiltinGuestsSid, windows.WinAnonymousSid, windows.WinInteractiveSid, windows.WinNetworkSid,
	} {
		if sid.IsWellKnown(group) {
			return true
		}
	}
	return false
}

// ownerOnly is a security descriptor that admits the user and SYSTEM and
// inherits nothing from the parent; inherit is "OICI" to hand it down.
func ownerOnly(inherit string) (*windows.SECURITY_DESCRIPTOR, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, fmt.Errorf("read the user of this process: %w", err)
	}
	return windows.SecurityDescriptorFromString(
		fmt.Sprintf("D:P(A;%s;FA;;;%s)(A;%s;FA;;;SY)", inherit, user.User.Sid, inherit))
}

func makeDir(path string) error {
	descriptor, err := ownerOnly("OICI")
	if err != nil {
		return err
	}
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return &fs.PathError{Op: "mkdir", Path: path, Err: err}
	}
	attributes := &windows.SecurityAttributes{SecurityDescriptor: descriptor}
	attributes.Length = uint32(unsafe.Sizeof(*attributes))
	if err := windows.CreateDirectory(name, attributes); err != nil {
		return &fs.PathError{Op: "mkdir", Path: path, Err: err}
	}
	return nil
}

// protectFile replaces what a file inherited from its directory, which may be
// older than this program, by an access list of the user and SYSTEM.
func protectFile(path string) error {
	descriptor, err := ownerOnly("")
	if err != nil {
		return err
	}
	acl, _, err := descriptor.DACL()
	if err != nil {
		return fmt.Errorf("build the access list of %s: %w", path, err)
	}
	err = windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, acl, nil)
	if err != nil {
		return &fs.PathError{Op: "set the access list", Path: path, Err: err}
	}
	return nil
}

// retrySharing repeats f while another program holds the file.
func retrySharing(f func() error) error {
	err := f()
	for range sharingTries {
		if !errors.Is(err, windows.ERROR_SHARING_VIOLATION) && !errors.Is(err, windows.ERROR_LOCK_VIOLATION) &&
			!errors.Is(err, windows.ERROR_ACCESS_DENIED) {
			return err
		}
		time.Sleep(sharingPause)
		err = f()
	}
	return err
}

// syncDir has nothing to do: NTFS journals the rename, and a directory handle
// cannot be flushed.
func syncDir(*os.File) error { return nil }
