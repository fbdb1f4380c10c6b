"""Lists, applies, watches and chats:  python example.py ozwald.yml tiny-llm"""
import json
import pathlib
import sys
import urllib.request

from ozwald.v1 import hosts_pb2, instances_pb2, operations_pb2, settings_pb2
from ozwald_client import connect

file, name = (sys.argv[1:] + ["ozwald.yml", "tiny-llm"][len(sys.argv) - 1 :])[:2]
with connect() as ozwald:
    for host in ozwald.hosts.ListHosts(hosts_pb2.ListHostsRequest(), timeout=10).hosts:
        print(f"host: {host.name} ({host.inventory.cpu_cores} cores)")
    files = [settings_pb2.SettingsFile(name=file, text=pathlib.Path(file).read_text())]
    applied = ozwald.settings.ApplySettings(settings_pb2.ApplySettingsRequest(files=files), timeout=30)
    if applied.operation_id:
        for change in ozwald.operations.WatchOperation(operations_pb2.WatchOperationRequest(id=applied.operation_id), timeout=600):
            steps = [f"{step.instance} {'done' if step.done else 'failed' if step.failed else '…'}" for step in change.operation.steps]
            print(f"operation {applied.operation_id}: {', '.join(steps)}")
        if change.operation.state != operations_pb2.OPERATION_STATE_DONE:
            sys.exit("; ".join(step.replica.reason for step in change.operation.steps))
    wanted = ozwald.instances.ListInstances(instances_pb2.ListInstancesRequest(), timeout=10).instances
    endpoint = next(unit.observed.endpoints[0] for i in wanted if i.name == name for unit in i.units if unit.observed.endpoints)
question = {"model": name, "messages": [{"role": "user", "content": "What is the capital of France?"}], "max_tokens": 40}
request = urllib.request.Request(f"http://{endpoint.address}:{endpoint.port}/v1/chat/completions", json.dumps(question).encode(), {"content-type": "application/json"})
with urllib.request.urlopen(request, timeout=60) as answer:
    print("model:", json.load(answer)["choices"][0]["message"]["content"])
