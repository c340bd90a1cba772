{{/* Names are those of the chart, whatever the release is called: values of Dagster's chart, which
cannot be made of others, name them. One release has a namespace to itself. */}}

{{- define "qbank.labels" -}}
app.kubernetes.io/name: qbank
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "qbank.selector" -}}
app.kubernetes.io/name: qbank
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "qbank.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- end }}

{{/* What every container of ours has; its environment ends the block, so that more may follow. */}}
{{- define "qbank.container" -}}
image: {{ include "qbank.image" .root | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  runAsUser: {{ .root.Values.runAsUser }}
  capabilities: { drop: [ALL] }
  seccompProfile: { type: RuntimeDefault }
resources:
  {{- toYaml .resources | nindent 2 }}
{{- end }}

{{- define "qbank.settings" -}}
{{- range $name, $value := .Values.settings }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end }}

{{/* The image is read only: what it brought into its home is copied to where it may be written. */}}
{{- define "qbank.home" -}}
- name: home
  {{- include "qbank.container" . | nindent 2 }}
  command: ["cp", "-r", "/var/lib/qbank/.", "/writable"]
  volumeMounts: [{ name: home, mountPath: /writable }]
{{- end }}

{{- define "qbank.mounts" -}}
- { name: home, mountPath: /var/lib/qbank }
- { name: tmp, mountPath: /tmp }
{{- end }}

{{- define "qbank.volumes" -}}
- name: home
  emptyDir: {}
- name: tmp
  emptyDir: {}
{{- end }}

{{- define "qbank.pod" -}}
automountServiceAccountToken: false
securityContext: { runAsNonRoot: true, fsGroup: {{ .Values.runAsUser }} }
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* One release is one image: Dagster's chart has it in values of its own. */}}
{{- define "qbank.oneImage" -}}
{{- $ours := include "qbank.image" . }}
{{- $dagster := .Values.dagster }}
{{- $runs := $dagster.runLauncher.config.k8sRunLauncher.runK8sConfig.podSpecConfig.initContainers }}
{{- $others := dict "dagster.dagsterDaemon.image" $dagster.dagsterDaemon.image "dagster.dagsterWebserver.image" $dagster.dagsterWebserver.image }}
{{- range (index $dagster "dagster-user-deployments").deployments }}
{{- $_ := set $others (printf "dagster.dagster-user-deployments, %s" .name) .image }}
{{- end }}
{{- range $at, $image := $others }}
{{- $theirs := printf "%s:%s" $image.repository (toString $image.tag) }}
{{- if ne $theirs $ours }}
{{- fail (printf "%s is %s, and image is %s: a release is one image, so give both in your values" $at $theirs $ours) }}
{{- end }}
{{- end }}
{{- range $runs }}
{{- if ne .image $ours }}
{{- fail (printf "the runs' init container %s has %s, and image is %s: a release is one image, so give both in your values" .name .image $ours) }}
{{- end }}
{{- end }}
{{- end }}
