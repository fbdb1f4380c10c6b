"""Lists, applies, watches and chats:  python example.py ozwald.yml tiny-llm"""
import json, pathlib, sys, urllib.request
from ozwald.v1 import hosts_pb2, instances_pb2, operations_pb2, settings_pb2
from ozwald_client import connect

file, name = sys.argv[1], sys.argv[2]
with connect() as ozwald:
    for host in ozwald.hosts.ListHosts(hosts_pb2.ListHostsRequest(), timeout=10).hosts:
        print(f"host: {host.name} ({host.inventory.cpu_cores} cores)")
    files = [settings_pb2.SettingsFile(name=file, text=pathlib.Path(file).read_text())]
    applied = ozwald.settings.ApplySettings(settings_pb2.ApplySettingsRequest(files=files), timeout=30)
    request = operations_pb2.WatchOperationRequest(id=applied.operation_id)
    for change in ozwald.operations.WatchOperation(request, timeout=600) if applied.operation_id else []:
        print(f"operation {request.id}:", ", ".join(f"{s.instance} {'done' if s.done else s.replica.reason or '…'}" for s in change.operation.steps))
    wanted = ozwald.instances.ListInstances(instances_pb2.ListInstancesRequest(), timeout=10).instances
endpoint = next(e for i in wanted if i.name == name for unit in i.units for e in unit.observed.endpoints)
question = {"model": name, "messages": [{"role": "user", "content": "What is the capital of France?"}], "max_tokens": 40}
url = f"http://{endpoint.address}:{endpoint.port}/v1/chat/completions"
with urllib.request.urlopen(urllib.request.Request(url, json.dumps(question).encode(), {"content-type": "application/json"}), timeout=60) as answer:
    print("model:", json.load(answer)["choices"][0]["message"]["content"])
