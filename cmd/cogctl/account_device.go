package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/cache"
)

func newAccountDevice(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "device",
		Short: "List, remember and forget one's own devices",
		Long: `A user pool that tracks devices knows each by a key. A remembered device may stand in
for the second factor. The one that this session signed in with is --this.`,
		Example: "  cogctl account device list",
		Args:    subcommandOnly,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAccountDeviceList(a), newAccountDeviceForget(a), newAccountDeviceRemember(a, true), newAccountDeviceRemember(a, false))
	return cmd
}

func newAccountDeviceList(a *app) *cobra.Command {
	var out jsonOutput
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List one's own devices",
		Long:    "List the devices that the user pool tracks for whoever is signed in.",
		Example: "  cogctl account device list\n  cogctl account device list --jq '.[] | select(.this) | .device_key'",
		Args:    operands(0, 0),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runAccountDeviceList(cmd.Context(), a, &out) },
	}
	out.flags(cmd, "print JSON")
	return cmd
}

// deviceReport is one device in the JSON of device list; its members are stable.
type deviceReport struct {
	auth.Device
	This bool `json:"this"` // the one that this session signed in with
}

func runAccountDeviceList(ctx context.Context, a *app, out *jsonOutput) error {
	m, err := a.member(ctx)
	if err != nil {
		return err
	}
	var devices []auth.Device
	err = m.act(ctx, func(account auth.Account) (err error) {
		devices, err = account.Devices(ctx)
		return err
	})
	if err != nil {
		return m.told(err, m.goneHint())
	}
	reports, rows := []deviceReport{}, [][2]string{}
	for _, d := range devices {
		this := d.Key == m.session.DeviceKey
		reports = append(reports, deviceReport{d, this})
		rows = append(rows, [2]string{d.Key, describeDevice(d, this)})
	}
	if out.wanted() {
		return a.printAnswer(ctx, out, reports)
	}
	if len(rows) == 0 {
		a.note("%s has no devices at %s", m.session.Username, m.pool.UserPoolID)
	}
	return a.table(rows)
}

func describeDevice(d auth.Device, this bool) string {
	text := "not remembered"
	if d.Remembered {
		text = "remembered"
	}
	if d.LastUsed != nil {
		text += ", last used " + d.LastUsed.Local().Format(time.DateTime)
	}
	if d.LastIP != "" {
		text += " from " + d.LastIP
	}
	if d.Name != "" {
		text += ", " + d.Name
	}
	if this {
		text += " (this session's)"
	}
	return text
}

type deviceOptions struct {
	key  string
	this bool
}

func (o *deviceOptions) read(args []string) error {
	if o.key = operand(args, 0); (o.key == "") != o.this {
		return hinted(usagef("which device: give its KEY or --this, one of the two"), "cogctl account device list")
	}
	return nil
}

// keyOf is the device that is meant; "" for this session's when it has none.
func (m *member) keyOf(o deviceOptions) string {
	if o.this {
		return m.session.DeviceKey
	}
	return o.key
}

func newAccountDeviceForget(a *app) *cobra.Command {
	var o deviceOptions
	cmd := &cobra.Command{
		Use:     "forget KEY|--this",
		Short:   "End the tracking of a device",
		Long:    "End the tracking of a device, which needs a second factor again then. Where this\nsession has no device, --this has nothing to do.",
		Example: "  cogctl account device forget --this",
		Args:    operands(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.read(args); err != nil {
				return err
			}
			return runAccountDeviceForget(cmd.Context(), a, o)
		},
	}
	cmd.Flags().BoolVar(&o.this, "this", false, "the device that this session signed in with")
	return cmd
}

func runAccountDeviceForget(ctx context.Context, a *app, o deviceOptions) error {
	m, err := a.member(ctx)
	if err != nil {
		return err
	}
	key := m.keyOf(o)
	if key == "" {
		a.note("this session of %s has no device", m.session.Username)
		return nil
	}
	err = m.act(ctx, func(account auth.Account) error { return account.ForgetDevice(ctx, key) })
	if err != nil {
		return m.told(err, m.deviceHints())
	}
	a.note("the device %s is forgotten", key)
	if err := m.forgetDevice(ctx, key); err != nil {
		return err
	}
	if key != m.session.DeviceKey {
		return nil
	}
	// A refresh that names a device which Cognito does not know is refused.
	_, err = m.dir.Update(ctx, m.key(), func(_ context.Context, old auth.Session, found bool) (auth.Session, error) {
		if !found {
			return old, cache.Forget(nil) // somebody signed out meanwhile
		}
		if old.DeviceKey == key {
			old.DeviceKey = ""
		}
		return old, nil
	})
	return a.unsaved(err)
}

func (m *member) deviceHints() map[string]string {
	hints := m.goneHint()
	hints["ResourceNotFoundException"] = m.next("account", "device", "list") + " lists the devices that there are"
	return hints
}

// newAccountDeviceRemember makes both remember and its opposite.
func newAccountDeviceRemember(a *app, remember bool) *cobra.Command {
	var o deviceOptions
	name, short := "remember", "Let a device stand in for the second factor"
	long := short + "."
	if !remember {
		name, short = "not-remember", "Let a device stand in for the second factor no longer"
		long = short + "; it stays in the list."
	}
	cmd := &cobra.Command{
		Use:     name + " KEY|--this",
		Short:   short,
		Long:    long,
		Example: fmt.Sprintf("  cogctl account device %s --this || cogctl account device list", name),
		Args:    operands(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.read(args); err != nil {
				return err
			}
			return runAccountDeviceRemember(cmd.Context(), a, o, remember)
		},
	}
	cmd.Flags().BoolVar(&o.this, "this", false, "the device that this session signed in with")
	return cmd
}

func runAccountDeviceRemember(ctx context.Context, a *app, o deviceOptions, remember bool) error {
	m, err := a.member(ctx)
	if err != nil {
		return err
	}
	key := m.keyOf(o)
	if key == "" {
		none := fmt.Errorf("this session of %s has no device: the user pool tracks none, or it signed in without", m.session.Username)
		return hinted(none, "%s", m.next("account", "device", "list"))
	}
	err = m.act(ctx, func(account auth.Account) error { return account.RememberDevice(ctx, key, remember) })
	if err != nil {
		return m.told(err, m.deviceHints())
	}
	return nil
}
