import { parentPort, workerData } from 'node:worker_threads'
import { yamlTree } from './yaml-tree.ts'

// The other side of `yamlAside`.
parentPort?.postMessage(yamlTree(String(workerData)))
