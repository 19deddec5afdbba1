package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
)

// Device is one that the pool tracks for a user. Its JSON members are stable.
type Device struct {
	Key        string     `json:"device_key"`
	Name       string     `json:"name,omitempty"`
	Remembered bool       `json:"remembered"`
	LastIP     string     `json:"last_ip,omitempty"`
	Created    *time.Time `json:"created,omitempty"`
	LastUsed   *time.Time `json:"last_authenticated,omitempty"`
}

// devicePage is the size of Cognito's largest page. maxDevicePages is how many pages are
// read: a server must not make the list endless.
const (
	devicePage     = 60
	maxDevicePages = 100
)

// Devices lists the devices that the pool tracks for the user.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ListDevices.html
func (a Account) Devices(ctx context.Context) ([]Device, error) {
	op := a.op("list the devices of")
	devices := []Device{}
	input := &cip.ListDevicesInput{AccessToken: &a.Token, Limit: aws.Int32(devicePage)}
	for range maxDevicePages {
		out, err := repeatable(ctx, errand{a.Client, op}, a.Client.api.ListDevices, input)
		if err != nil {
			return nil, err
		}
		for _, d := range out.Devices {
			devices = append(devices, deviceOf(d))
		}
		if aws.ToString(out.PaginationToken) == "" {
			return devices, nil
		}
		input.PaginationToken = out.PaginationToken
	}
	return nil, fmt.Errorf("%s: the list has no end after %d pages", op, maxDevicePages)
}

// deviceOf reads the attributes that Cognito lists of a device; their names are
// UNCONFIRMED, so none of them must be there.
func deviceOf(d types.DeviceType) Device {
	attributes := attributeMap(d.DeviceAttributes)
	return Device{
		Key: aws.ToString(d.DeviceKey), Name: attributes["device_name"], LastIP: attributes["last_ip_used"],
		Remembered: attributes["dev:device_remembered_status"] == string(types.DeviceRememberedStatusTypeRemembered),
		Created:    d.DeviceCreateDate, LastUsed: d.DeviceLastAuthenticatedDate,
	}
}

// ForgetDevice ends the tracking of a device. A sign-in from it then takes a second factor
// again.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ForgetDevice.html
func (a Account) ForgetDevice(ctx context.Context, key string) error {
	input := &cip.ForgetDeviceInput{AccessToken: &a.Token, DeviceKey: aws.String(key)}
	_, err := repeatable(ctx, errand{a.Client, a.op("forget the device " + key + " of")}, a.Client.api.ForgetDevice, input)
	return err
}

// RememberDevice says whether a device may stand in for a second factor.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UpdateDeviceStatus.html
func (a Account) RememberDevice(ctx context.Context, key string, remember bool) error {
	status := types.DeviceRememberedStatusTypeNotRemembered
	if remember {
		status = types.DeviceRememberedStatusTypeRemembered
	}
	input := &cip.UpdateDeviceStatusInput{AccessToken: &a.Token, DeviceKey: aws.String(key), DeviceRememberedStatus: status}
	_, err := repeatable(ctx, errand{a.Client, a.op("set the device " + key + " of")}, a.Client.api.UpdateDeviceStatus, input)
	return err
}
