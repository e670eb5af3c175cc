#!/usr/bin/env bash
# Runs a study in shards on a Slurm of one node on loopback that this script starts: one job
# fails, the array is submitted again for it, and what is merged is compared with the same study
# run in one process. Then the same with GNU parallel.
#   usage: bash cmd/testdata/slurm/run.sh        as root, on a machine without Slurm at work
#   needs: slurm-wlm munge parallel (Debian packages)
set -euo pipefail
cd "$(dirname "$0")/../../.."
for program in slurmctld slurmd sbatch munged parallel; do
	command -v "$program" >/dev/null || { echo "$program is not installed: apt-get install slurm-wlm munge parallel"; exit 1; }
done
work=$(mktemp -d)
started=()
finish() {
	for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
	pkill -F "$work/munged.pid" 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT

go build -o "$work/gradflow" ./cmd/gradflow
export PATH="$work:$PATH" SLURM_CONF="$work/slurm.conf"
cat >"$work/study.yaml" <<'STUDY'
name: slurm
task: digits
budget: {steps: 60, batch: 16}
seeds: 3
grid: {depth: [2, 4], width: 8, activation: [tanh, sigmoid], initializer: glorot-normal, optimizer: [sgd, rmsprop]}
STUDY

host=$(hostname -s)
mkdir -p "$work/state" "$work/spool" "$work/munge"
head -c 1024 /dev/urandom >"$work/munge.key"
chmod 600 "$work/munge.key"
chmod 700 "$work/munge"
cat >"$work/slurm.conf" <<CONF
ClusterName=loopback
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmctldPort=17817
SlurmdPort=17818
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket
CredType=cred/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MpiDefault=none
SwitchType=switch/none
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=2000 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
munged --force --key-file="$work/munge.key" --socket="$work/munge.socket" --pid-file="$work/munged.pid" \
	--log-file="$work/munged.log" --seed-file="$work/munge.seed"
slurmctld -D >"$work/slurmctld.log" 2>&1 & started+=($!)
slurmd -D -N "$host" >"$work/slurmd.log" 2>&1 & started+=($!)
for _ in $(seq 60); do
	[ "$(sinfo -h -o %T 2>/dev/null)" = idle ] && break
	sleep 0.5
done
sinfo -h -o %T | grep -q idle || { echo "Slurm did not start:"; tail -5 "$work"/slurm*.log; exit 1; }

wait_for_jobs() {
	for _ in $(seq 240); do
		[ -z "$(squeue -h)" ] && return
		sleep 0.5
	done
	echo "the jobs did not end:"; squeue; exit 1
}
same() {
	for run in "$work/whole/runs"/*; do
		for file in config.json metrics.jsonl layers.npy; do
			cmp "$run/$file" "$1/runs/$(basename "$run")/$file"
		done
	done
	[ "$(ls "$work/whole/runs" | wc -l)" = "$(ls "$1/runs" | wc -l)" ]
}

cd "$work"
gradflow run study.yaml --out whole >/dev/null 2>&1

echo "== an array of 3 jobs, of which one fails"
gradflow plan study.yaml --for slurm --shards 3 --out array -o submit.sh
mkdir -p array/shards
echo "in the way" >array/shards/2-of-3 # shard 2 can't make its directory
sh submit.sh
wait_for_jobs
tail -2 array/logs/2.log
cat array/logs/merge.log
grep -q "8 runs missing" array/logs/merge.log
rm array/shards/2-of-3

echo "== submitted again for shard 2 alone"
sh submit.sh 2
wait_for_jobs
grep -q "The study is complete" array/logs/merge.log || { cat array/logs/*.log; exit 1; }
same array
gradflow status array

echo "== with GNU parallel"
gradflow plan study.yaml --for parallel --shards 3 --out parallel -o parallel.sh
sh parallel.sh | tail -1
same parallel
echo "the records of all three are equal, byte for byte"
