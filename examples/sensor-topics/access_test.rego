package vedette.access_test

import data.vedette.access

publish(class, topic, bytes) := {"subject": {"type": "device", "id": "s-1", "properties": {"class": class}}, "action": {"name": "publish"}, "resource": {"type": "topic", "id": topic}, "context": {"payloadBytes": bytes}}

test_listed_topic if access.allow.rule == "listed-topic" with input as publish("thermometer", "site/17/temperature/cellar", 40)

test_a_pattern_does_not_reach_over_a_slash if {
	not access.allow with input as publish("thermometer", "site/17/temperature/cellar/raw", 40)
}

test_other_class_topic if {
	not access.allow with input as publish("thermometer", "site/17/door/1/opened", 40)
}

test_large_payload if {
	some reason in access.deny with input as publish("thermometer", "site/17/temperature/cellar", 4096)
	reason.rule == "payload-too-large"
}
