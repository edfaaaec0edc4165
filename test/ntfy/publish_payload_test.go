package ntfy

// Bodies as services post them, with the fields that nobody looks at.
const (
	githubPullRequest = `{
  "action": "opened", "number": 42,
  "pull_request": {
    "url": "https://api.github.com/repos/octo/bells/pulls/42", "id": 1687654321, "node_id": "PR_kwDOAbCdEf5k", "html_url": "https://github.com/octo/bells/pull/42",
    "number": 42, "state": "open", "locked": false, "title": "Ring \"twice\" & <louder> 🔔", "body": "Because once was\r\nnot enough.", "draft": false, "merged": false,
    "user": {"login": "ann", "id": 583231, "site_admin": false}, "created_at": "2026-03-04T10:11:12Z", "labels": [], "requested_reviewers": [{"login": "bob"}],
    "head": {"label": "ann:louder", "ref": "louder", "sha": "6dcb09b5b57875f334f61aebed695e2e4193db5e"}, "base": {"ref": "main"}, "commits": 3, "additions": 12345678, "deletions": 0
  },
  "repository": {"id": 1296269, "name": "bells", "full_name": "octo/bells", "private": true, "owner": {"login": "octo"}, "default_branch": "main", "topics": ["bells"], "license": null},
  "organization": {"login": "octo", "id": 6811672}, "sender": {"login": "ann", "id": 583231, "type": "User"}, "installation": {"id": 2311213}
}`
	githubPush = `{
  "ref": "refs/heads/feature/ring", "before": "0000000000000000000000000000000000000000", "after": "6dcb09b5b57875f334f61aebed695e2e4193db5e", "base_ref": null,
  "created": true, "deleted": false, "forced": false, "compare": "https://github.com/octo/bells/compare/feature/ring",
  "commits": [
    {"id": "6dcb09b", "distinct": true, "message": "Ring", "timestamp": "2026-03-04T10:11:12+01:00", "author": {"name": "Ann", "email": "ann@example.com"}, "added": ["a"], "removed": [], "modified": []},
    {"id": "7dcb09b", "distinct": true, "message": "Ring again", "timestamp": "2026-03-04T10:12:12+01:00", "author": {"name": "Ann"}, "added": [], "removed": [], "modified": ["a"]}
  ],
  "head_commit": {"id": "7dcb09b", "message": "Ring again"}, "repository": {"id": 1296269, "full_name": "octo/bells", "pushed_at": 1772615532}, "pusher": {"name": "ann"}, "sender": {"login": "ann"}
}`
	githubWorkflow = `{
  "action": "completed", "workflow_run": {"id": 30433642, "name": "Build", "head_branch": "main", "run_number": 562, "event": "push", "status": "completed", "conclusion": "failure",
  "html_url": "https://github.com/octo/bells/actions/runs/30433642", "pull_requests": []}, "workflow": {"name": "Build"}, "repository": {"full_name": "octo/bells"}, "sender": {"login": "ann"}
}`
	grafanaFiring = `{
  "receiver": "push", "status": "firing", "orgId": 1, "groupKey": "{}:{alertname=\"Disk\"}", "truncatedAlerts": 0, "version": "1", "state": "alerting",
  "title": "[FIRING:2] Disk (ops)", "message": "**Firing** and so on", "externalURL": "https://grafana.example.com/", "groupLabels": {"alertname": "Disk"}, "commonLabels": {"alertname": "Disk", "team": "ops"},
  "commonAnnotations": {"summary": "The disk is full"},
  "alerts": [
    {"status": "firing", "labels": {"alertname": "Disk", "instance": "db1:9100", "team": "ops"}, "annotations": {"summary": "The disk is full", "description": "98 % of /var"},
     "startsAt": "2026-03-04T10:11:12.3456Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "https://grafana.example.com/alerting/1", "fingerprint": "c6eadffa33fcdf37",
     "silenceURL": "https://grafana.example.com/silence", "dashboardURL": "", "panelURL": "https://grafana.example.com/d/1?viewPanel=2", "values": {"A": 98.25, "C": 1}, "valueString": "[ var='A' value=98.25 ]"},
    {"status": "resolved", "labels": {"alertname": "Disk", "instance": "db2:9100"}, "annotations": {}, "startsAt": "2026-03-04T09:11:12Z", "endsAt": "2026-03-04T10:11:12Z", "values": null}
  ]
}`
	alertmanagerFiring = `{
  "version": "4", "groupKey": "{}/{severity=\"critical\"}:{alertname=\"Down\"}", "truncatedAlerts": 3, "status": "firing", "receiver": "push",
  "groupLabels": {"alertname": "Down"}, "commonLabels": {"alertname": "Down", "severity": "critical", "job": "node"}, "commonAnnotations": {}, "externalURL": "http://alertmanager:9093",
  "alerts": [
    {"status": "firing", "labels": {"alertname": "Down", "instance": "web1:9100", "job": "node", "severity": "critical"}, "annotations": {"summary": "web1 is down", "description": "No answer for 5 minutes."},
     "startsAt": "2026-03-04T10:11:12.345Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://prometheus:9090/graph?g0.expr=up+%3D%3D+0", "fingerprint": "a1b2c3d4e5f60718"}
  ]
}`
	alertmanagerResolved = `{
  "version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0, "status": "resolved", "receiver": "push", "groupLabels": {}, "commonLabels": {"severity": "warning"}, "commonAnnotations": {},
  "externalURL": "http://alertmanager:9093",
  "alerts": [
    {"status": "resolved", "labels": {"alertname": "Load", "severity": "warning"}, "annotations": {}, "startsAt": "2026-03-04T10:11:12Z", "endsAt": "2026-03-04T11:11:12Z", "generatorURL": ""},
    {"status": "resolved", "labels": {"alertname": "Swap", "severity": "warning"}, "annotations": {}, "startsAt": "2026-03-04T10:11:12Z", "endsAt": "2026-03-04T11:11:12Z", "generatorURL": ""}
  ]
}`
)
