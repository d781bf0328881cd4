package vedette.access_test

import data.vedette.access

request(id) := {"subject": {"type": "device", "id": id}, "action": {"name": "read"}, "resource": {"type": "api", "id": "/pricing/42"}}

test_own_till_is_not_denied if {
	count(access.deny) == 0 with input as request("spiffe://store-17.example.org/device/till/pos-1")
}

test_till_of_another_shop_is_denied if {
	some reason in access.deny with input as request("spiffe://store-18.example.org/device/till/pos-1")
	reason.rule == "other-shop"
}
