package check_test

import (
	"bytes"
	"os"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"
)

// Each key belongs to one of Kubernetes' types, and every reference resolves.
func TestKubernetesReadsTheManifest(t *testing.T) {
	text, err := os.ReadFile("../kubernetes/mysql-sync.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var secret core.Secret
	var service core.Service
	var set apps.StatefulSet
	objects := map[string]any{"Secret": &secret, "Service": &service, "StatefulSet": &set}
	for _, document := range bytes.Split(text, []byte("\n---\n")) {
		var head struct {
			Kind string `json:"kind"`
		}
		if err := yaml.Unmarshal(document, &head); err != nil {
			t.Fatal(err)
		}
		to, ok := objects[head.Kind]
		if !ok {
			t.Fatalf("the kind %q is not checked here, or occurs twice", head.Kind)
		}
		delete(objects, head.Kind)
		if err := yaml.UnmarshalStrict(document, to); err != nil {
			t.Errorf("%s: %v", head.Kind, err)
		}
	}
	if len(objects) > 0 {
		t.Fatalf("%v are missing", objects)
	}

	template := set.Spec.Template
	pod, container := template.Spec, template.Spec.Containers[0]
	carried := labels.Set(template.Labels)
	if !labels.SelectorFromSet(service.Spec.Selector).Matches(carried) || !labels.SelectorFromSet(set.Spec.Selector.MatchLabels).Matches(carried) {
		t.Error("a selector does not match the pod")
	}
	if set.Spec.ServiceName != service.Name {
		t.Errorf("service of the set: got %s, want %s", set.Spec.ServiceName, service.Name)
	}
	if *set.Spec.Replicas != 1 {
		t.Errorf("%d nodes would share one database", *set.Spec.Replicas)
	}
	port := container.Ports[0]
	for what, to := range map[string]intstr.IntOrString{
		"livenessProbe": container.LivenessProbe.HTTPGet.Port, "readinessProbe": container.ReadinessProbe.HTTPGet.Port,
		"service": service.Spec.Ports[0].TargetPort,
	} {
		if to.StrVal != port.Name {
			t.Errorf("%s probes port %s, but the container's is %s", what, to.String(), port.Name)
		}
	}
	if l, r := container.LivenessProbe.HTTPGet.Path, container.ReadinessProbe.HTTPGet.Path; l != "/healthz" || r != "/readyz" {
		t.Errorf("the probes request %s and %s", l, r)
	}
	volumes := map[string]bool{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
		if v.Secret != nil && v.Secret.SecretName != secret.Name {
			t.Errorf("secret of the pod: got %s, want %s", v.Secret.SecretName, secret.Name)
		}
	}
	for _, c := range set.Spec.VolumeClaimTemplates {
		volumes[c.Name] = true
	}
	for _, m := range container.VolumeMounts {
		if !volumes[m.Name] {
			t.Errorf("%s mounts the missing %s", container.Name, m.Name)
		}
	}
	// The "restricted" Kubernetes pod security standard.
	s := container.SecurityContext
	if !*pod.SecurityContext.RunAsNonRoot || *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem ||
		len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" || pod.SecurityContext.SeccompProfile == nil {
		t.Error("the pod has more privileges than it needs")
	}
}
