# METADATA
# title: Sensors publish what their class may publish
package vedette.access

import rego.v1

allow := {"rule": "listed-topic", "states": ["fresh", "stale"]} if {
	input.action.name == "publish"
	input.resource.type == "topic"
	some pattern in data.sensors.topics[input.subject.properties.class]
	glob.match(pattern, ["/"], input.resource.id)
}

deny contains {"rule": "payload-too-large", "description": "sensor events are small"} if {
	input.action.name == "publish"
	input.context.payloadBytes > data.sensors.payloadBytesMax
}

deny contains {"rule": "sensors-do-not-listen", "description": "sensors never subscribe"} if input.action.name == "subscribe"
