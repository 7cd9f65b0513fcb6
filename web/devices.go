package web

import (
	"net/http"
	"strconv"

	"github.com/cxx-im/cxx/im"
)

// DeviceList is the answer of GET /users/{addr}/devices.
type DeviceList struct {
	Devices []im.Device `json:"devices"`
}

func (a *Admin) deviceList(r *http.Request) (any, error) {
	acct, err := a.account(r)
	if err != nil {
		return nil, err
	}
	list, err := a.Store.Devices(r.Context(), acct.ID)
	if err != nil {
		return nil, err
	}
	if list == nil {
		list = []im.Device{}
	}
	return DeviceList{list}, nil
}

func (a *Admin) deviceRevoke(r *http.Request) (any, error) {
	acct, err := a.account(r)
	if err != nil {
		return nil, err
	}
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
	if err != nil || id == 0 {
		return nil, im.Errorf(im.CodeInvalid, "%q is not the id of a device; the list of devices has them", r.PathValue("id"))
	}
	if a.Sessions == nil {
		return nil, errNotHere
	}
	return nil, a.Sessions.RevokeDevice(r.Context(), acct.ID, im.DeviceID(id), im.CodeRevoked)
}

// deviceRevokeAll revokes one device after the other; a repetition after an
// error goes on with those that are left.
func (a *Admin) deviceRevokeAll(r *http.Request) (any, error) {
	acct, err := a.account(r)
	if err != nil {
		return nil, err
	}
	if a.Sessions == nil {
		return nil, errNotHere
	}
	list, err := a.Store.Devices(r.Context(), acct.ID)
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		if d.Revoked {
			continue
		}
		if err := a.Sessions.RevokeDevice(r.Context(), acct.ID, d.ID, im.CodeRevoked); err != nil && im.CodeOf(err) != im.CodeNotFound {
			return nil, err
		}
	}
	return nil, nil
}
